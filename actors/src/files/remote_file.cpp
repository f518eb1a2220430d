#include "remote_file.hpp"

#include "file_actor.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

/// The numbers of breaks and holds that this copy makes are never used.
constexpr std::uint64_t view_of_copies = (std::uint64_t{1} << 23U) - 1;

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
  : policy_(&policy), run_(run), state_(policy, file_id) {}

break_id remote_file::acknowledged_by(const command& what) const {
  if (const auto* const lease = std::get_if<acknowledge_lease>(&what))
    return state_.break_of(lease->client, lease->key, {});
  if (const auto* const oplock = std::get_if<acknowledge_oplock>(&what))
    return state_.break_of(oplock->client, {}, oplock->open);
  return {};
}

file_state remote_file::take_state() {
  return std::exchange(state_, file_state(*policy_, state_.file_id()));
}

std::string remote_file::take(const file_snapshot& part, time_point now) {
  const node_report report{run_, part, {}};
  effects unused;
  auto made =
    file_state::rebuild(*policy_, state_.file_id(), view_of_copies, {&report, 1}, now, unused);
  if (const auto* const problem = std::get_if<snapshot_error>(&made))
    return problem->what;
  state_ = std::move(std::get<file_state>(made));
  return {};
}

// Closing an open in the earlier state says what ends with it.
std::vector<open_ended> remote_file::ends_of_lost(const std::vector<open_id>& opens,
  const std::vector<open_ended>& ended, file_state& before, end_cause cause, time_point now) const {
  std::vector<open_ended> lost;
  for (const auto id : opens) {
    const bool is_known = state_.has_open(id) ||
      std::any_of(ended.begin(), ended.end(), [id](const auto& e) { return e.open == id; });
    if (is_known)
      continue;
    const bool is_away = before.channel_of(id).connection == connection_id::none;
    close_open close;
    close.open = id;
    auto out = before.apply(close, now);
    for (auto& e : out.ended)
      if (e.open == id) {
        e.cause = is_away ? end_cause::expired : cause;
        e.hold = hold_id::none;
        e.deletes = false;
        lost.push_back(std::move(e));
      }
  }
  return lost;
}

void remote_news::act(file_actor& file, std::unique_ptr<file_message>) {
  file.take(run_, std::move(what_));
}

void remote_run_ended::act(file_actor& file, std::unique_ptr<file_message>) {
  file.end_run(run_);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
