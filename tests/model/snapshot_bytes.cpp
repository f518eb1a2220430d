#include "snapshot_bytes.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::model_test {
namespace {

constexpr time_point start{std::chrono::hours{24 * 365 * 50}};

file_policy policy_of_use() {
  file_policy policy;
  policy.keep_records = true;
  return policy;
}

// Lets everything end in the ways in which a server would: deadlines pass, clients disconnect,
// opens are closed. Whatever the state was, nothing may be left and no invariant may be broken.
std::string use_up(file_state file) {
  auto now = start;
  std::uint64_t operation = std::uint64_t{1} << 62U;
  const auto apply = [&](const command& c) {
    const auto out = file.apply(c, now);
    for (const auto& ended : out.ended)
      if (ended.hold != hold_id::none)
        (void)file.apply(end_hold{ended.hold}, now);
    return file.check_invariants();
  };
  std::string problem = file.check_invariants();
  const auto newcomer = [&](std::uint64_t id, lease_state state) {
    open_file c;
    c.operation = operation_id{++operation};
    c.open = open_id{id};
    c.client = client_guid::of(0xD);
    c.access = access::all;
    c.lease.emplace().key = lease_key::of(id);
    c.lease->state = state;
    return c;
  };
  if (problem.empty())
    problem = apply(newcomer(operation, lease_state::rwh));
  for (int i = 0; problem.empty() && i < 1'000 && file.next_deadline(); ++i) {
    now = std::max(now, *file.next_deadline());
    if (now == time_point::max())
      break;
    problem = apply(deadline_reached{});
  }
  if (problem.empty())
    problem = apply(stop_waiting{});
  if (problem.empty())
    problem = apply(grace_ended{});
  for (const auto& entry : file.list({}))
    if (entry.kind == entry_kind::open && problem.empty())
      problem = apply(close_open{{entry.open}, operation_id{++operation}});
  if (problem.empty())
    problem = apply(stop_waiting{});
  return problem.empty() && !file.list({}).empty() ? "something is left" : problem;
}

} // namespace

std::string damaged(std::string bytes, std::mt19937_64& random) {
  for (auto changes = 1 + random() % 3; changes != 0 && !bytes.empty(); --changes) {
    const auto at = static_cast<std::size_t>(random() % bytes.size());
    const auto length = static_cast<std::size_t>(random() % 8);
    switch (random() % 7) {
    case 0:
      bytes[at] = static_cast<char>(random());
      break;
    case 1:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      break;
    case 2:
      bytes[at] = static_cast<char>(bytes[at] + (random() % 2 != 0 ? 1 : -1));
      break;
    case 3:
      bytes.erase(at, length);
      break;
    case 4:
      bytes.insert(at, length, static_cast<char>(random() % 3 == 0 ? random() : 0));
      break;
    case 5:
      bytes.insert(at, bytes.substr(static_cast<std::size_t>(random() % bytes.size()), length));
      break;
    default:
      bytes.resize(at);
      break;
    }
  }
  return bytes;
}

std::string use_unknown_state(const std::string& bytes, std::uint64_t& accepted) {
  const auto policy = policy_of_use();
  auto imported = file_state::import_state(policy, {bytes}, start);
  if (const auto* const error = std::get_if<snapshot_error>(&imported))
    return error->what.empty() ? "no reason is given" : "";
  ++accepted;
  auto& file = std::get<file_state>(imported);
  if (const auto problem = file.check_invariants(); !problem.empty())
    return problem;
  const auto again = file.export_state(start);
  auto copy = file_state::import_state(policy, again, start);
  if (const auto* const error = std::get_if<snapshot_error>(&copy))
    return "the export is not valid: " + to_string(*error);
  if (std::get<file_state>(copy).export_state(start) != again)
    return "the export of the copy is different";
  return use_up(std::move(file));
}

std::string use_unknown_reports(
  const std::string& one, const std::string& other, std::uint64_t& accepted) {
  const auto policy = policy_of_use();
  const std::vector<node_report> reports{{node_id{1}, {one}}, {node_id{2}, {other}}};
  effects out;
  auto rebuilt = file_state::rebuild(policy, "file", 1, reports, start, out);
  if (const auto* const error = std::get_if<snapshot_error>(&rebuilt)) {
    if (!out.empty())
      return "an error has effects";
    return error->what.empty() ? "no reason is given" : "";
  }
  ++accepted;
  for (const auto& ended : out.ended)
    if (ended.hold != hold_id::none)
      (void)std::get<file_state>(rebuilt).apply(end_hold{ended.hold}, start);
  return use_up(std::get<file_state>(std::move(rebuilt)));
}

} // namespace leasebreak::model_test
