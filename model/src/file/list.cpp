// Lists what is held and breaking, and the pending operations with the reasons of their waits.
#include "file/impl.hpp"

#include <string>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

bool matches(const lock_query& q, const listed_entry& e) {
  const bool is_lease = e.kind == entry_kind::lease || e.kind == entry_kind::oplock ||
    (e.kind == entry_kind::recovered && e.lease);
  const bool is_lock =
    e.kind == entry_kind::byte_range_lock || (e.kind == entry_kind::recovered && !e.lease);
  if (q.is_lease && !(*q.is_lease ? is_lease : is_lock))
    return false;
  return (q.file_id.empty() || q.file_id == e.file_id) &&
    (q.owner_id.empty() || q.owner_id == e.owner_id) &&
    (q.client_id.empty() || q.client_id == to_string(e.client)) &&
    (q.share_name.empty() || q.share_name == e.share);
}

struct name_of_waiting {
  std::string operator()(const open_file& c) const {
    return c.overwrites ? "overwriting open" : "open";
  }
  std::string operator()(const lock_ranges&) const { return "byte-range lock"; }
  std::string operator()(const access_file& c) const { return std::string(to_string(c.kind)); }
  std::string operator()(const close_open&) const { return "close that deletes"; }
  std::string operator()(const force_break&) const { return "forced break"; }
  template <class Other>
  std::string operator()(const Other&) const {
    return "operation";
  }
};

} // namespace

std::vector<listed_entry> file_state::impl::list(const lock_query& query) const {
  std::vector<listed_entry> result;
  const auto add = [&](listed_entry e) {
    e.file_id = file_id;
    e.delete_pending = delete_pending;
    if (matches(query, e))
      result.push_back(std::move(e));
  };
  for (const auto& open : opens) {
    listed_entry e;
    e.kind = entry_kind::open;
    e.client = open->client;
    e.owner_id = detail::to_hex(open->id);
    e.share = open->share;
    e.connection = open->channel.connection;
    e.open = open->id;
    e.access = open->access;
    e.share_access = open->share_access;
    e.delete_on_close = open->delete_on_close;
    e.durable = open->is_durable();
    e.resilient = open->is_resilient();
    e.persistent = open->is_persistent();
    if (open->instance)
      e.instance = *open->instance;
    if (open->is_detached())
      e.deadline = open->durable->expires;
    e.since = open->opened_at;
    add(std::move(e));
  }
  for (const auto& lease : leases) {
    const auto lock = describe(*lease);
    listed_entry e;
    e.kind = lease->recovered ? entry_kind::recovered
      : lease->info.is_oplock ? entry_kind::oplock
                              : entry_kind::lease;
    e.client = lease->client;
    e.owner_id = lock.owner.owner_id;
    e.share = lock.owner.share;
    e.connection = lease->channels.newest().connection;
    e.open = lease->first_open;
    e.lease = shown(*lease);
    e.opens = lease->opens;
    e.since = lease->acquired_at;
    if (lease->info.breaking)
      e.deadline = lease->break_due;
    add(std::move(e));
  }
  locks.for_each([&](const detail::lock_table::entry& held) {
    const auto lock = describe(held);
    listed_entry e;
    e.kind = entry_kind::byte_range_lock;
    if (const auto* open = find_open(held.open); open != nullptr) {
      e.client = open->client;
      e.connection = open->channel.connection;
    }
    e.owner_id = lock.owner.owner_id;
    e.share = lock.owner.share;
    e.open = held.open;
    e.range = held.range;
    e.exclusive = held.exclusive;
    e.since = held.acquired_at;
    add(std::move(e));
  });
  if (!rare)
    return result;
  for (const auto& recovered : rare->recovered_locks) {
    const auto lock = to_enhanced_lock(recovered.record);
    listed_entry e;
    e.kind = entry_kind::recovered;
    e.client = recovered.client;
    e.owner_id = lock.owner.owner_id;
    e.share = lock.owner.share;
    e.range = lock.range;
    e.exclusive = lock.exclusive;
    e.since = lock.acquired_at;
    add(std::move(e));
  }
  for (const auto& w : rare->waiting)
    add(list_waiting(w));
  return result;
}

listed_entry file_state::impl::list_waiting(const waiting_operation& w) const {
  listed_entry e;
  e.kind = entry_kind::waiting;
  e.client = w.client;
  e.operation = w.id;
  const auto* const mine = find_open(w.open);
  e.connection = mine != nullptr && w.channel.connection == connection_id::none
    ? mine->channel.connection
    : w.channel.connection;
  e.open = w.open;
  e.since = w.since;
  e.deadline = w.deadline.value_or(time_point{});
  e.reason = std::visit(name_of_waiting{}, w.what);
  const lease_entry* own = nullptr;
  if (const auto* open = std::get_if<open_file>(&w.what)) {
    e.share = open->share;
    e.access = open->access;
    e.share_access = open->share_access;
    own = own_lease(*open);
  } else if (const auto* through = find_open(w.open); through != nullptr) {
    e.share = through->share;
    own = through->lease;
  }
  if (const auto* lock = std::get_if<lock_ranges>(&w.what)) {
    e.range = lock->elements.front().range;
    e.exclusive = lock->elements.front().exclusive;
    const auto* held = locks.conflict(lock->open, e.range, e.exclusive);
    if (const auto* open = held != nullptr ? find_open(held->open) : nullptr; open != nullptr) {
      e.blocker = open->client;
      e.waits_for = "a byte-range lock of open " + detail::to_hex(held->open);
      return e;
    }
  }
  for (const auto& l : leases) {
    if (l.get() == own || !l->info.breaking)
      continue;
    e.blocker = l->client;
    e.waits_for = "a break from " + std::string(to_string(l->break_from)) + " to " +
      std::string(to_string(l->info.break_to)) + " of " +
      (l->info.is_oplock ? "an oplock" : "lease " + to_string(l->info.key));
    break;
  }
  if (e.waits_for.empty() && waits_for_streams(w))
    e.waits_for = "opens of the file's named streams";
  return e;
}

std::string_view to_string(access_kind kind) noexcept {
  switch (kind) {
  case access_kind::read:
    return "read";
  case access_kind::write:
    return "write";
  case access_kind::rename:
    return "rename";
  case access_kind::link:
    return "link";
  case access_kind::set_security:
    return "security descriptor";
  case access_kind::replace:
    return "replace";
  case access_kind::rename_ancestor:
    return "rename of an ancestor";
  case access_kind::rename_tree:
    return "rename of a tree";
  case access_kind::enter_tree:
    return "open beneath a directory that is renamed";
  case access_kind::rename_into:
    return "rename into";
  case access_kind::prepare_delete:
    return "preparation of the delete disposition";
  case access_kind::set_delete:
    return "delete disposition";
  case access_kind::clear_delete:
    return "clear of the delete disposition";
  case access_kind::unlink:
    return "unlink";
  case access_kind::remove_unopened:
    return "removal of a file that is not open";
  case access_kind::change_children:
    return "change of children";
  case access_kind::remove_base:
    return "removal of a stream's file";
  case access_kind::overwrite_base:
    return "overwrite of a stream's file";
  }
  return "unknown access";
}

std::string_view to_string(break_cause cause) noexcept {
  switch (cause) {
  case break_cause::open:
    return "open";
  case break_cause::overwrite:
    return "overwrite";
  case break_cause::sharing_violation:
    return "sharing violation";
  case break_cause::write:
    return "write";
  case break_cause::lock:
    return "lock";
  case break_cause::read:
    return "read";
  case break_cause::rename:
    return "rename";
  case break_cause::security:
    return "security descriptor";
  case break_cause::remove:
    return "delete";
  case break_cause::child_change:
    return "child change";
  case break_cause::forced:
    return "forced";
  }
  return "unknown cause";
}

std::string_view to_string(break_outcome outcome) noexcept {
  switch (outcome) {
  case break_outcome::acknowledged:
    return "acknowledged";
  case break_outcome::closed:
    return "closed";
  case break_outcome::timed_out:
    return "timed out";
  case break_outcome::disconnected:
    return "disconnected";
  case break_outcome::undeliverable:
    return "undeliverable";
  case break_outcome::immediate:
    return "immediate";
  }
  return "unknown outcome";
}

std::string_view to_string(entry_kind kind) noexcept {
  switch (kind) {
  case entry_kind::open:
    return "open";
  case entry_kind::lease:
    return "lease";
  case entry_kind::oplock:
    return "oplock";
  case entry_kind::byte_range_lock:
    return "byte-range lock";
  case entry_kind::waiting:
    return "waiting";
  case entry_kind::recovered:
    return "recovered";
  }
  return "unknown";
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
