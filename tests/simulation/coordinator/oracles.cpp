// Invariants, checked whenever no handler is ready and the clock is about to advance.
#include "coordinator_run.hpp"

#include <algorithm>

namespace leasebreak::simulation {

using namespace std::chrono_literals;

std::string coordinator_run::describe(const cache_name& name) const {
  const auto who = "client " + std::to_string(name.client);
  if (name.open != open_id::none)
    return who + "'s oplock " + std::to_string(static_cast<std::uint64_t>(name.open));
  return who + "'s lease " + std::to_string(name.key.words()[0]);
}

// What other clients must expect of the holder: until it acknowledges a break, or the break
// expires, it may use the old state.
lease_state coordinator_run::held(const cache& c) const {
  auto result = c.told;
  for (const auto& [id, each] : c.breaks)
    if (each.told + config_.break_timeout > loop_.now())
      result = result | each.from;
  return result;
}

void coordinator_run::check_quiet() {
  ledger_.check_all(loop_.now());
  if (is_ending_ || is_stopping_) // caches end with the server
    return;
  for (auto& [name, c] : caches_) {
    check_data(name, c);
    check_told_again(name, c);
  }
  check_pairs();
}

// No cache contains data that is older than a completed write, unless the call of its sink may
// still be waiting in a queue: no operation waits for a break without an acknowledgement.
void coordinator_run::check_data(const cache_name& name, const cache& c) {
  if (defers_sinks_ || !c.data || c.is_excused || c.drops != 0 || c.answering != 0 ||
    !c.breaks.empty() || !intersects(c.told, lease_state::read) || is_held_back(name) ||
    is_behind_change(name, c.file))
    return;
  const auto& file = disk_.at(c.file);
  if (!file.is_gone && *c.data != file.newest)
    complain("stale: " + describe(name) + " has version " + std::to_string(*c.data) + " of file " +
      std::to_string(c.file) + ", whose newest is " + std::to_string(file.newest));
}

// True if a client has written into its cache and the server must respect it. A holder that cannot
// know that it lost its lease does not count.
bool coordinator_run::is_kept_back(inode file) const {
  const auto& content = disk_.at(file);
  return content.stored != content.newest && !content.is_gone &&
    std::ranges::none_of(caches_, [&](const auto& c) {
      return c.second.file == file && c.second.is_dirty && c.second.is_excused;
    });
}

// The break waits for the response to an open with the same lease or oplock. A writer does not wait
// for a break that needs no acknowledgement.
bool coordinator_run::is_held_back(const cache_name& name) const {
  return std::ranges::any_of(opens_, [&](const auto& o) {
    return o.second.name == name && (answers_held_.contains(o.first) || !o.second.is_told);
  });
}

// The client changed the directory itself, and is notified after the response.
bool coordinator_run::is_behind_change(const cache_name& name, inode directory) const {
  return std::ranges::any_of(own_changes_, [&](const auto& o) {
    return o.second.client == name.client && o.second.directory == directory;
  });
}

// A break that was lost with a connection, and is still in progress, must be sent on another one.
void coordinator_run::check_told_again(const cache_name& name, cache& c) {
  const auto is_of_it = [&](const auto& o) { return o.second.name == name; };
  const bool is_reached = std::ranges::any_of(opens_, [&](const auto& o) {
    return is_of_it(o) && o.second.is_told && !o.second.is_gone && reaches(o.second);
  });
  for (const auto id : std::exchange(c.expected, {})) {
    const auto each = c.breaks.find(id);
    if (each != c.breaks.end() && is_reached && !is_held_back(name) && c.answering == 0 &&
      each->second.told + config_.break_timeout > loop_.now())
      complain("a break of " + describe(name) + " was lost and is not sent again");
  }
}

// A holder that may cache writes must be the only one.
void coordinator_run::check_pairs() {
  for (auto a = caches_.begin(); a != caches_.end(); ++a) {
    if (a->second.is_excused || !intersects(held(a->second), lease_state::write))
      continue;
    for (auto b = caches_.begin(); b != caches_.end(); ++b)
      if (a != b && b->second.file == a->second.file && !b->second.is_excused &&
        intersects(held(b->second), lease_state::rw))
        complain(describe(a->first) + " may cache writes, and " + describe(b->first) + " has " +
          std::string(to_string(held(b->second))));
  }
}

// Called when a grant is put on the wire.
void coordinator_run::check_grant(const handle& h, const open_result& granted) {
  const auto known = caches_.find(h.name);
  if (known == caches_.end() || granted.break_in_progress || !known->second.is_v2 ||
    known->second.is_excused)
    return;
  const auto& c = known->second;
  const bool is_older = c.epoch != 0 && static_cast<std::int16_t>(granted.epoch - c.epoch) < 0;
  if (is_older && intersects(granted.state, lease_state::write) && !c.breaks.empty())
    complain("a break of " + describe(h.name) + " has overtaken an answer that grants Write");
}

// Called when a break is put on the wire. Its client must have been told of the grant before.
void coordinator_run::check_break(const cache_name& name, const break_notification&) {
  if (known_.contains(name) || is_stopping_)
    return;
  const bool is_late = std::ranges::any_of(answers_held_, [&](const auto& a) {
    const auto h = opens_.find(a.first);
    return h != opens_.end() && h->second.name == name &&
      loop_.now() - a.second >= config_.answer_wait_max;
  });
  // An answer that was lost with a connection is not known to the client.
  const bool is_lost = std::ranges::any_of(opens_, [&](const auto& o) {
    return o.second.name == name && (o.second.is_gone || !o.second.is_told) &&
      (!answers_held_.contains(o.first) || find(o.second.connection) == nullptr);
  });
  // A client that lost a connection may have lost the answer with it. The cases are not
  // distinguished here.
  const bool is_cut = std::ranges::any_of(
    links_, [&](const auto& l) { return l->client == name.client && !l->is_up; });
  if (!is_late && !is_lost && !is_cut)
    complain("a break comes before the answer: " + describe(name));
}

// A client is notified of its own change of a directory after the response. This is checked only
// where nothing else can have caused the break or have made it urgent, and where the sink is called
// at once: a call that waits in a queue says nothing of when the break was sent. A break that was
// sent once may be repeated. A client that may have missed that a break timed out is told that it
// has nothing, whatever it does.
void coordinator_run::check_own_change(const cache_name& name, const break_notification& n) {
  const auto c = caches_.find(name);
  if (c == caches_.end() || n.cause != break_cause::child_change || n.from == lease_state::none ||
    is_stopping_ || defers_sinks_ || !c->second.breaks.empty() || early_breaks_.contains(name))
    return;
  for (auto& [id, own] : own_changes_) {
    if (own.client != name.client || own.directory != c->second.file)
      continue;
    if (!own.joins && n.issued >= own.issued && !may_be_told_now(name, own))
      complain(describe(name) + " is broken by a change of its own client before the response");
    own.joins = true;
  }
}

bool coordinator_run::may_be_told_now(const cache_name& name, const own_change& own) {
  if (own.is_urgent || c().stats().waiting_now != 0) // a pending operation may need this break
    return true;
  // A CREATE with the lease is granted what the break leaves, so the break precedes it.
  const auto uses = key_uses_.find(name.key);
  if (uses != key_uses_.end() && uses->second != 0)
    return true;
  if (loop_.now() - own.since >= config_.answer_wait_max)
    return true;
  return std::ranges::any_of(changes_, [&](const auto& t) {
    const auto& [where, times] = t;
    return where.first == own.directory && where.second != own.client &&
      (times.in_flight != 0 || times.last >= own.since);
  });
}

// A break that was needed is sent, even if the operation that needed it is cancelled before.
void coordinator_run::note_urgent_changes() {
  if (own_changes_.empty() || coordinator_ == nullptr || c().stats().waiting_now == 0)
    return;
  for (auto& [id, own] : own_changes_)
    own.is_urgent = true;
}

// Called when a lock was granted.
void coordinator_run::check_lock(open_id id, const byte_range& range, bool exclusive) {
  const auto overlaps = [](const byte_range& a, const byte_range& b) {
    return a.length != 0 && b.length != 0 && a.offset < b.offset + b.length &&
      b.offset < a.offset + a.length;
  };
  const auto& own = opens_.at(id);
  for (const auto& [other, h] : opens_)
    if (other != id && h.file == own.file && !h.is_gone)
      for (const auto& [taken, is_exclusive] : h.locks)
        if ((exclusive || is_exclusive) && overlaps(range, taken))
          complain("opens " + std::to_string(static_cast<std::uint64_t>(id)) + " and " +
            std::to_string(static_cast<std::uint64_t>(other)) +
            " have locks that exclude each other");
}

} // namespace leasebreak::simulation
