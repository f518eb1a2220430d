// Passes the whole state of a file to an archive. Internal to the model.
#pragma once

#include "file/snapshot_archive.hpp"

#include <type_traits>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace detail {

/// The first bytes of a snapshot: a mark, what it contains, and the version of the format.
enum class snapshot_kind : std::uint8_t { state = 1, report = 2 };
inline constexpr std::uint8_t snapshot_mark[] = {'L', 'B'};
inline constexpr std::uint8_t snapshot_version = 1;

inline void write_head(snapshot_writer& a, snapshot_kind kind) {
  for (const auto b : snapshot_mark)
    a.byte(b);
  a.byte(static_cast<std::uint8_t>(kind));
  a.byte(snapshot_version);
}

inline void read_head(snapshot_reader& a, snapshot_kind kind) {
  for (const auto b : snapshot_mark)
    if (a.byte() != b)
      a.fail("not a snapshot");
  if (a.byte() != static_cast<std::uint8_t>(kind))
    a.fail("a snapshot of another kind");
  if (a.byte() != snapshot_version)
    a.fail("a snapshot of another version");
}

inline void visit_leases(snapshot_writer& a, const std::vector<const lease_entry*>& leases) {
  a.number(leases.size());
  for (const auto* const l : leases)
    a(*l);
  a.number_leases(leases);
}

inline void visit_leases(
  snapshot_writer& a, const std::vector<std::unique_ptr<lease_entry>>& leases) {
  std::vector<const lease_entry*> all;
  all.reserve(leases.size());
  for (const auto& l : leases)
    all.push_back(l.get());
  visit_leases(a, all);
}

inline void visit_leases(snapshot_reader& a, std::vector<std::unique_ptr<lease_entry>>& leases) {
  std::vector<lease_entry*> all;
  for (auto left = a.size(); left != 0 && !a.failed(); --left) {
    auto& l = *leases.emplace_back(std::make_unique<lease_entry>());
    a(l);
    if (!all.empty() && !(all.back()->name() < l.name()))
      a.fail("leases that are not in order");
    all.push_back(&l);
  }
  a.number_leases(std::move(all));
}

inline void visit_opens(snapshot_writer& a, const std::vector<const open_entry*>& opens) {
  a.number(opens.size());
  for (const auto* const open : opens)
    a(*open);
}

inline void visit_opens(snapshot_writer& a, const std::vector<std::unique_ptr<open_entry>>& opens) {
  a.number(opens.size());
  for (const auto& open : opens)
    a(*open);
}

inline void visit_opens(snapshot_reader& a, std::vector<std::unique_ptr<open_entry>>& opens) {
  auto last = open_id::none;
  for (auto left = a.size(); left != 0 && !a.failed(); --left) {
    const auto& open = *opens.emplace_back(std::make_unique<open_entry>());
    a(*opens.back());
    if (open.id <= last)
      a.fail("opens that are not in order");
    last = open.id;
  }
}

inline void visit_locks(snapshot_writer& a, const lock_table& locks) {
  a.number(locks.size());
  locks.for_each([&a](const lock_table::entry& e) { a(e); });
  a.number(locks.last_id());
}

/// The greatest id of a byte-range lock: no table reaches it.
inline constexpr auto lock_id_max = (std::uint64_t{1} << 63U) - 1;

/// Adds a lock with its id. Returns null, or what is wrong.
[[nodiscard]] inline const char* restore_lock(const lock_table::entry& e, lock_table& locks) {
  if (e.id <= locks.last_id() || e.id > lock_id_max)
    return "byte-range locks that are not in order";
  if (!e.range.is_valid())
    return "a byte-range lock with an invalid range";
  if (locks.conflict_of_old(e.open, e.range, e.exclusive) != nullptr)
    return "byte-range locks that conflict";
  locks.keep_above(e.id - 1);
  locks.add(e.open, e.range, e.exclusive, e.acquired_at, e.record_id);
  return nullptr;
}

inline void visit_locks(snapshot_reader& a, lock_table& locks) {
  for (auto left = a.size(); left != 0 && !a.failed(); --left) {
    lock_table::entry e;
    a(e);
    if (const auto* const problem = a.failed() ? nullptr : restore_lock(e, locks);
        problem != nullptr)
      a.fail(problem);
  }
  const auto last = a.number(lock_id_max);
  if (last < locks.last_id())
    a.fail("a byte-range lock above the last one");
  if (last != 0)
    locks.keep_above(last);
}

inline void visit_waiting(snapshot_writer& a, const wait_list& waiting) {
  a.number(waiting.size());
  for (const auto& w : waiting)
    a(w);
}

inline void visit_waiting(snapshot_reader& a, wait_list& waiting) {
  for (auto left = a.size(); left != 0 && !a.failed(); --left) {
    waiting_operation w;
    a(w);
    if (waiting.find(w.id) != nullptr)
      return a.fail("two pending operations with the same number");
    waiting.add(std::move(w));
  }
}

} // namespace detail

// Leases come before opens, which refer to them, and opens before their locks.
template <class Archive, class State>
void file_state::impl::visit(Archive& a, State& s) {
  auto& [policy, file_id, held_back, opens, leases, locks, is_directory, delete_pending,
    deletion_key, may_wait, waiters_may_go, detached_may_end, deletion_is_untold, deletion_spares,
    rare, last_break, last_hold, last_change, steps, count] = s;
  // Not state of the file: the policy, and `may_wait`, which each command sets.
  a.derived(policy, may_wait, held_back, count);
  a(file_id, is_directory, delete_pending, deletion_key, waiters_may_go, detached_may_end,
    deletion_is_untold, last_break, last_hold, last_change, steps);
  detail::visit_leases(a, leases);
  a.lease(deletion_spares);
  detail::visit_opens(a, opens);
  detail::visit_locks(a, locks);
  a.contended(rare, [&a](auto& contended) {
    auto& [waiting, holds, recovered_locks, deadlines, choices] = contended;
    a.derived(deadlines);
    detail::visit_waiting(a, waiting);
    a(holds, recovered_locks, choices);
  });
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
