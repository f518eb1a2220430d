// Checks a restored file, because a peer may send anything: every state that passes satisfies
// `check_invariants`. Unlike that function, this one takes time proportional to the state, except
// for pending operations, of which each is planned again.
#include "file/impl.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

std::string file_state::impl::check_restored() const {
  // Numbers below this bound can be counted up for ever.
  constexpr auto bound = std::uint64_t{1} << 63U;
  if (last_break >= bound || last_hold >= bound || steps >= bound)
    return "a number that is too great";
  for (const auto& l : leases)
    if (auto problem = check_lease_entry(*l); !problem.empty())
      return problem;
  for (const auto& open : opens)
    if (auto problem = check_open_entry(*open); !problem.empty())
      return problem;
  if (auto problem = check_caching(); !problem.empty())
    return problem;
  std::string problem;
  locks.for_each([&](const auto& lock) {
    if (is_directory || find_open(lock.open) == nullptr)
      problem = "a byte-range lock without an open of a file";
  });
  if (!problem.empty() || !rare)
    return problem;
  auto last = hold_id::none;
  for (const auto& hold : rare->holds) {
    if (hold.id <= last || static_cast<std::uint64_t>(hold.id) > last_hold)
      return "change holds that are not in order";
    last = hold.id;
  }
  for (const auto& r : rare->recovered_locks)
    if (const auto error = validate(r.record); error || r.record.is_lease() || r.record.is_open() ||
        r.record.client_id != to_string(r.client))
      return "a recovered byte-range lock with an invalid record";
  if (held_back.behind_changes != 0 && !rare->waiting.empty())
    return "an operation is pending while a break is held back for the response to a change";
  for (const auto& w : rare->waiting)
    if (problem = check_waiting_operation(w); !problem.empty())
      return problem;
  return check_waiting();
}

std::string file_state::impl::check_lease_entry(const lease_entry& l) const {
  if (auto problem = detail::check_lease(l); !problem.empty())
    return problem;
  const auto& info = l.info;
  if (info.version < 1 || info.version > 2 || (info.key.is_zero() && !info.is_oplock))
    return "a lease without a key, or of an unknown version";
  if (l.recovered != (l.opens == 0))
    return "a recovered lease with an open";
  if (info.is_oplock && l.opens > 1)
    return "an oplock with several opens";
  if (is_directory != info.is_directory && !info.is_oplock)
    return "a lease that does not fit the kind of file";
  if (static_cast<std::uint64_t>(l.current_break) > last_break)
    return "a break above the last one";
  if (info.breaking && (l.break_due == time_point{} || is_let_go(l)))
    return "a break that cannot end";
  if (l.held == nullptr)
    return "";
  if (info.is_oplock || (l.unanswered == 0 && l.held->behind == 0))
    return "a notification is held back without an outstanding response";
  if (l.held->breaking && !info.breaking)
    return "a break that has ended is to be sent";
  return "";
}

std::string file_state::impl::check_open_entry(const open_entry& open) const {
  const auto* const lease = open.lease;
  if (lease != nullptr && lease->client != open.client)
    return "an open with the lease of another client";
  const bool has_oplock = lease != nullptr && lease->info.is_oplock;
  if (has_oplock && lease->info.key != lease_key::of(static_cast<std::uint64_t>(open.id)))
    return "an open with the oplock of another open";
  const bool is_connected =
    open.channel.connection != connection_id::none || open.channel.session != session_id::none;
  if (open.is_detached() &&
    (is_connected || open.tree != tree_id::none || open.durable->expires == time_point{}))
    return "a disconnected open with a connection, or without an end";
  if (open.is_detached() && !may_remain(open))
    return "a disconnected open stays without a reason";
  if (open.instance != nullptr && open.instance->id.is_zero())
    return "an application without an id";
  if (open.stream != nullptr && (!open.of_stream || open.stream->file.empty() || open.is_durable()))
    return "an open that stands for a stream and is none, or is durable";
  const auto* const held = open.held.get();
  if (held == nullptr)
    return "";
  if (open.unanswered == 0 || held->behind != 0 || (lease != nullptr && !has_oplock) ||
    (lease == nullptr && !held->immediate))
    return "a notification is held back without an outstanding response";
  if (held->breaking && (lease == nullptr || !lease->info.breaking))
    return "a break that has ended is to be sent";
  return "";
}

namespace {

bool is_lock_that_may_wait(const lock_ranges& c) {
  return !c.elements.empty() &&
    std::all_of(c.elements.begin(), c.elements.end(),
      [](const auto& e) { return e.well_formed && e.range.is_valid(); });
}

} // namespace

std::string file_state::impl::check_waiting_operation(const waiting_operation& w) const {
  const auto operation = std::visit(
    [](const auto& c) {
      if constexpr (requires { c.operation; })
        return c.operation;
      else
        return operation_id::none;
    },
    w.what);
  if (operation != w.id || w.channel.node != node_of(w.what))
    return "a pending operation with the number or the node of another one";
  if (w.open != open_id::none && find_connected(w.open) == nullptr)
    return "an operation waits through an open that has ended";
  if (w.held_up_by && static_cast<std::uint64_t>(w.held_up_by->id) > last_break)
    return "an operation waits for a break above the last one";
  const auto* const lock = std::get_if<lock_ranges>(&w.what);
  if (lock != nullptr &&
    (lock->open != w.open || w.open == open_id::none || is_directory ||
      !is_lock_that_may_wait(*lock)))
    return "a byte-range lock waits that would be refused";
  return "";
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
