// Closes, acknowledgements and other releases before a file is rebuilt.
#include "release_requests.hpp"

#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <variant>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace {

bool only_releases(const command& c) noexcept {
  return std::holds_alternative<close_open>(c) || std::holds_alternative<acknowledge_lease>(c) ||
    std::holds_alternative<acknowledge_oplock>(c) || std::holds_alternative<end_hold>(c) ||
    std::holds_alternative<unlock_ranges>(c) || std::holds_alternative<client_gone>(c) ||
    std::holds_alternative<answer_sent>(c);
}

// The deletion of a file depends on the opens of other nodes.
bool is_certain(const effects& out, const file_state& after) {
  if (after.is_delete_pending() || after.waiting() != 0 || !out.notifications.empty())
    return false;
  return std::all_of(out.completions.begin(), out.completions.end(), [](const completion& c) {
    const auto* const closed = std::get_if<open_closed>(&c.result);
    const auto* const removed = std::get_if<client_removed>(&c.result);
    return c.error == errc::success && (closed == nullptr || !closed->delete_file) &&
      (removed == nullptr || !removed->delete_file);
  });
}

} // namespace

operation_id operation_of(const command& what) noexcept {
  return std::visit(
    [](const auto& c) {
      if constexpr (requires { c.operation; })
        return c.operation;
      else
        return operation_id::none;
    },
    what);
}

bool is_late(const request& r, const file_state& file) {
  if (r.about == break_id::none || LEASEBREAK_MUTANT(late_releases_count))
    return false;
  if (const auto* const lease = std::get_if<acknowledge_lease>(&r.what))
    return file.break_of(lease->client, lease->key, {}) != r.about;
  if (const auto* const oplock = std::get_if<acknowledge_oplock>(&r.what))
    return file.break_of(oplock->client, {}, oplock->open) != r.about;
  return false;
}

namespace {

// Returns the effects, or nothing if the request must be executed later.
std::optional<effects> release(
  file_report& part, const request& r, const file_policy& policy, time_point now) {
  const node_report only{part.node, part.part, part.age};
  effects missing;
  // The view is that of the part: a lease that another node has, too, is not made newer.
  auto rebuilt =
    file_state::rebuild(policy, part.file_id, part.version.term, {&only, 1}, now, missing);
  auto* const file = std::get_if<file_state>(&rebuilt);
  if (file == nullptr || !missing.empty() || is_late(r, *file))
    return std::nullopt;
  auto out = file->apply(r.what, now);
  if (!is_certain(out, *file))
    return std::nullopt;
  part.part = file->report_client(part.node, part.client, now);
  part.age = {};
  return out;
}

/// Finds the part of a report about which a request is.
class parts_of_report {
public:
  parts_of_report(slot_report& report, const file_policy& policy, time_point now)
    : report_(&report), policy_(&policy), now_(now) {}

  /// Returns null if there is none, or no part alone is certain to be it.
  [[nodiscard]] file_report* find(const request& r) {
    return std::visit(
      [&](const auto& c) -> file_report* {
        if constexpr (requires { c.client.bytes; })
          return of_client(r.file_id, c.client);
        else if constexpr (requires { c.open; })
          return of_open(r.file_id, c.open);
        else if constexpr (requires { c.hold; })
          return of_client(r.file_id, {});
        else
          return nullptr;
      },
      r.what);
  }

private:
  using opens_of_file = std::map<open_id, file_report*>;

  [[nodiscard]] file_report* of_client(
    const std::string& file_id, const client_guid& client) const {
    for (auto& part : report_->files)
      if (part.file_id == file_id && part.node == report_->from && part.client == client)
        return &part;
    return nullptr;
  }

  [[nodiscard]] file_report* of_open(const std::string& file_id, open_id open) {
    const auto [at, is_new] = opens_.try_emplace(file_id);
    if (is_new)
      for (auto& part : report_->files)
        if (part.file_id == file_id && part.node == report_->from)
          add_opens(part, at->second);
    const auto found = at->second.find(open);
    return found != at->second.end() ? found->second : nullptr;
  }

  void add_opens(file_report& part, opens_of_file& to) const {
    file_state file(*policy_, part.file_id);
    if (!file.replace_client(part.node, part.client, &part.part, now_).problem.empty())
      return;
    for (const auto& entry : file.list({}))
      if (entry.kind == entry_kind::open)
        to[entry.open] = &part;
  }

  slot_report* report_;
  const file_policy* policy_;
  time_point now_;
  std::map<std::string, opens_of_file> opens_;
};

} // namespace

std::vector<released_early> release_early(
  slot_report& report, const file_policy& policy, time_point now) {
  std::vector<released_early> done;
  parts_of_report parts(report, policy, now);
  std::erase_if(report.pending, [&](const request& r) {
    auto* const part = only_releases(r.what) ? parts.find(r) : nullptr;
    if (part == nullptr)
      return false;
    auto out = release(*part, r, policy, now);
    if (out)
      done.push_back(
        {report.from, r.number, r.file_id, std::move(out->completions), std::move(out->ended)});
    return out.has_value();
  });
  return done;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
