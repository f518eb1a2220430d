#include "remote_file.hpp"

#include "file_actor.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

/// Numbers of operations are below this bit, which the cluster's own operations do not have.
constexpr std::uint64_t of_a_coordinator = std::uint64_t{1} << 39U;

operation_id operation_in_run(node_id run, operation_id operation) noexcept {
  return static_cast<operation_id>(static_cast<std::uint64_t>(run) << 40U | of_a_coordinator |
    static_cast<std::uint64_t>(operation_before_run(operation)));
}

struct putting_in_run {
  node_id run;

  template <class Command>
  void operator()(Command& c) const {
    if constexpr (requires { c.operation; })
      c.operation = operation_in_run(run, c.operation);
    if constexpr (requires { c.node; })
      c.node = run;
    adapt(c);
  }

private:
  static void adapt(const auto&) {}
  void adapt(cancel_operation& c) const { c.target = operation_in_run(run, c.target); }
  void adapt(client_gone& c) const {
    for (auto& heir : c.heirs)
      heir.node = run;
  }
  static void adapt(open_file& c) {
    c.stream.clear();
    c.reclaim = false;
    if (c.durable)
      c.durable->persistent = false;
  }
};

} // namespace

void put_in_run(command& what, node_id run) {
  std::visit(putting_in_run{run}, what);
}

operation_id operation_before_run(operation_id operation) noexcept {
  return static_cast<operation_id>(static_cast<std::uint64_t>(operation) & (of_a_coordinator - 1));
}

remote_file::remote_file(const file_policy& policy, const std::string& file_id, node_id run)
  : run_(run), state_(policy, file_id) {}

break_id remote_file::acknowledged_by(const command& what) const {
  if (const auto* const lease = std::get_if<acknowledge_lease>(&what))
    return state_.break_of(lease->client, lease->key, {});
  if (const auto* const oplock = std::get_if<acknowledge_oplock>(&what))
    return state_.break_of(oplock->client, {}, oplock->open);
  return {};
}

std::string remote_file::take(remote_change& change, time_point now) {
  std::vector<open_ended> missing;
  std::string problem;
  for (const auto& [client, part] : change.parts) {
    auto done = state_.replace_client(run_, client, part ? &*part : nullptr, now);
    std::move(done.missing.begin(), done.missing.end(), std::back_inserter(missing));
    if (!done.problem.empty())
      problem = std::move(done.problem);
  }
  // An open may have gone to another client.
  const auto is_known = [&](const open_ended& e) {
    return state_.has_open(e.open) ||
      std::any_of(change.ended.begin(), change.ended.end(),
        [&](const auto& other) { return other.open == e.open; });
  };
  std::remove_copy_if(missing.begin(), missing.end(), std::back_inserter(change.ended), is_known);
  return problem;
}

std::vector<open_ended> remote_file::end(time_point now) {
  std::set<client_guid> clients;
  for (const auto& entry : state_.list({}))
    clients.insert(entry.client);
  std::vector<open_ended> ended;
  for (const auto& client : clients)
    for (auto& e : state_.replace_client(run_, client, nullptr, now).missing) {
      if (e.cause == end_cause::lost)
        e.cause = end_cause::disconnected;
      ended.push_back(std::move(e));
    }
  return ended;
}

void remote_news::act(file_actor& file, std::unique_ptr<file_message>) {
  file.take(run_, std::move(what_));
}

void remote_run_ended::act(file_actor& file, std::unique_ptr<file_message>) {
  file.end_run(run_);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
