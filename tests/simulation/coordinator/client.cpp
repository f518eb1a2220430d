// How the clients react to the server's messages.
#include "ask.hpp"

#include <algorithm>

namespace leasebreak::simulation {

using namespace std::chrono_literals;

// The answer to an open is put on the wire. From now on, breaks may follow it.
bool coordinator_run::told(open_id id, const open_result& granted) {
  const auto& h = opens_.at(id);
  check_grant(h, granted);
  known_.insert(h.name);
  auto& c = caches_[h.name];
  c.file = h.file;
  c.is_v2 = granted.version == 2;
  if (granted.break_in_progress)
    return false;
  if (c.is_v2 && static_cast<std::int16_t>(granted.epoch - c.epoch) < 0 && c.epoch != 0)
    return false;
  c.epoch = granted.epoch;
  c.told = granted.state;
  return true;
}

// The answer arrives. If it was sent during a break, it contains the old state, and the client
// ignores it.
void coordinator_run::believe(open_id id, lease_state state, std::uint64_t message, bool counts) {
  const auto found = opens_.find(id);
  if (found == opens_.end() || found->second.is_gone)
    return;
  auto& h = found->second;
  h.is_told = true;
  const auto c = caches_.find(h.name);
  if (!counts || c == caches_.end() || message < c->second.heard)
    return;
  c->second.heard = message;
  c->second.state = state;
}

void coordinator_run::obey(
  const cache_name& name, const break_notification& n, std::uint64_t message) {
  const auto found = caches_.find(name);
  if (found == caches_.end())
    return;
  auto& c = found->second;
  // An answer on another connection has overtaken this break, so the state is newer. The cached
  // data still goes.
  if (message > c.heard || n.ack_required)
    c.state = c.state & n.to;
  c.heard = std::max(c.heard, message);
  if (!intersects(n.to, lease_state::read) && c.drops != 0)
    --c.drops;
  if (!intersects(n.to, lease_state::read) && !c.is_dirty)
    c.data.reset();
  if (clients_[name.client].is_silent && n.ack_required) {
    note(describe(name) + " does not answer");
    forget_dirty(c);
    c.data.reset();
    return;
  }
  if (n.ack_required)
    return spawn(answer_break(name, n));
  if (!intersects(n.to, lease_state::write))
    spawn(write_back(name)); // a write that is still being written back
}

coordinator_run::task<void> coordinator_run::answer_break(cache_name name, break_notification n) {
  co_await sleep(random_.one_in(40) ? span{40s} : delay());
  co_await write_back(name);
  const auto found = caches_.find(name);
  if (found == caches_.end() || !found->second.breaks.contains(n.id))
    co_return;
  auto keeps = n.to;
  if (random_.one_in(4))
    keeps = random_.one_in(2) ? lease_state::none : n.to & lease_state::read;
  auto& c = found->second;
  c.state = c.state & keeps;
  c.told = c.told & keeps;
  if (!intersects(keeps, lease_state::read))
    c.data.reset();
  // The acknowledgement may use any connection.
  const auto& links = clients_[name.client].links;
  const auto on =
    std::ranges::find_if(links, [](const link* l) { return l != nullptr && l->is_up; });
  if (on == links.end())
    co_return;
  const auto id = (*on)->id;
  const auto file = c.file;
  c.breaks.erase(n.id);
  // The client does not keep more for another break, which was sent twice or is answered later.
  for (auto& [id, each] : c.breaks)
    each.from = each.from & keeps;
  ++c.answering;
  const auto arrived = [this, name] {
    if (const auto now = caches_.find(name); now != caches_.end() && now->second.answering != 0)
      --now->second.answering;
  };
  note(describe(name) + " acknowledges " + std::string(to_string(keeps)));
  co_await sleep(delay());
  if (auto* const l = find(id); l == nullptr || !l->is_up) {
    arrived();
    if (const auto again = caches_.find(name); again != caches_.end())
      again->second.is_excused = true;
    co_return;
  }
  if (n.is_oplock) {
    auto done = co_await ask<oplock_level>(
      oplock_acknowledgement{disk::id_of(file), clients_[name.client].guid, n.open,
        intersects(keeps, lease_state::read) ? oplock_level::level_ii : oplock_level::none},
      patience::none, "acknowledge an oplock");
    arrived();
    note("    " + to_string(done.error));
  } else {
    auto done =
      co_await ask<lease_state>(lease_acknowledgement{clients_[name.client].guid, n.key, keeps},
        patience::none, "acknowledge a lease");
    arrived();
    note("    " + to_string(done.error));
  }
}

// Cached writes are written before Write is released. Until then, the server admits no other
// client.
coordinator_run::task<void> coordinator_run::write_back(cache_name name) {
  auto found = caches_.find(name);
  if (found == caches_.end() || !found->second.is_dirty)
    co_return;
  const auto file = found->second.file;
  open_id through{};
  for (const auto& [id, h] : opens_)
    if (h.name == name && !h.is_gone && h.is_told && (h.access & access::write_data) != 0)
      through = id;
  if (through == open_id::none)
    co_return forget_dirty(found->second);
  auto allowed =
    co_await ask<access_result>(access_request{disk::id_of(file), access_kind::write, through},
      patience::bounded, "write back");
  found = caches_.find(name);
  if (found == caches_.end() || !found->second.is_dirty)
    co_return;
  if (allowed.error != errc::success) {
    note("the cached write is lost: " + to_string(allowed.error));
    co_return forget_dirty(found->second);
  }
  disk_.at(file).stored = *found->second.data;
  found->second.is_dirty = false;
  if (!intersects(found->second.state, lease_state::read))
    found->second.data.reset();
  note("version " + std::to_string(disk_.at(file).stored) + " of file " + std::to_string(file) +
    " is written back");
}

// A holder that has not acknowledged in time loses its cache.
void coordinator_run::break_expires(const cache_name& name, break_id id, span told) {
  const auto found = caches_.find(name);
  if (found == caches_.end())
    return;
  const auto waits = found->second.breaks.find(id);
  if (waits == found->second.breaks.end() || waits->second.told != told)
    return;
  note("the break of " + describe(name) + " expires");
  auto& c = found->second;
  forget_dirty(c);
  c.data.reset();
  c.state = c.told = lease_state::none;
  c.breaks.clear();
}

// At the time of the deadline, the order of the timers is undefined. Expire all due breaks before a
// check.
void coordinator_run::expire_breaks() {
  std::vector<std::pair<cache_name, break_id>> over;
  for (const auto& [name, c] : caches_)
    for (const auto& [id, each] : c.breaks)
      if (each.told + config_.break_timeout <= loop_.now())
        over.emplace_back(name, id);
  for (const auto& [name, id] : over)
    if (const auto c = caches_.find(name); c != caches_.end())
      if (const auto each = c->second.breaks.find(id); each != c->second.breaks.end())
        break_expires(name, id, each->second.told);
}

void coordinator_run::forget_dirty(cache& c) {
  if (!c.is_dirty)
    return;
  c.is_dirty = false;
  c.data.reset();
  disk_.at(c.file).newest = disk_.at(c.file).stored;
}

// Forgets the cache if the client has no usable open for it.
void coordinator_run::forget(const cache_name& name) {
  const auto found = caches_.find(name);
  if (found == caches_.end())
    return;
  const bool is_used = std::ranges::any_of(
    opens_, [&](const auto& o) { return o.second.name == name && !o.second.is_gone; });
  if (is_used)
    return;
  forget_dirty(found->second);
  caches_.erase(found);
}

void coordinator_run::read(open_id id, const byte_range& range) {
  auto& h = opens_.at(id);
  const auto found = caches_.find(h.name);
  if (found != caches_.end() && intersects(found->second.state, lease_state::read) &&
    found->second.data) {
    note("read through " + std::to_string(static_cast<std::uint64_t>(id)) + " from the cache");
    // Clients are notified of a directory's change after it was made, and the server does not wait
    // for them.
    return disk_.at(h.file).is_directory ? void() : check_data(h.name, found->second);
  }
  spawn(read_through(id, range));
}

} // namespace leasebreak::simulation
