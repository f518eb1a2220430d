// The clients and the oracle of simulation.hpp.
#include "simulation.hpp"

#include <algorithm>
#include <array>

namespace leasebreak::model_test {
namespace {

constexpr std::uint32_t attributes =
  access::read_attributes | access::write_attributes | access::synchronize;
// Alice has two connections, and a session on both; Bob has a session, Carol has none.
const std::array<client, 4> clients{
  client{alice.guid, alice.connection, session_id{101}, tree_id{1}},
  client{alice.guid, alice_again.connection, session_id{101}, tree_id{2}},
  client{bob.guid, bob.connection, session_id{102}, tree_id{1}}, carol};

file_policy policy_of_run() {
  file_policy policy;
  policy.keep_records = true;
  policy.limit.locks_per_file = 8;
  policy.limit.waiting_per_file = 6;
  policy.limit.opens_per_file = 8;
  return policy;
}

std::uint32_t random_access_mask(std::uint16_t n) {
  constexpr std::array<std::uint32_t, 8> masks{access::all, access::all,
    access::read_data | access::read_attributes, access::read_data | access::write_data, attributes,
    access::read_control, access::delete_file | attributes, access::write_data};
  return masks[n % masks.size()];
}

// In the first cluster, or near the end of what may be allocated.
std::uint64_t lock_offset(std::uint16_t n) {
  return n % 8U + ((n & 8U) != 0 ? 8'192U : 0U);
}

std::uint32_t random_share(std::uint16_t n) {
  constexpr std::array<std::uint32_t, 6> modes{
    share::all, share::all, share::all, share::read | share::write, share::read, share::none};
  return modes[n % modes.size()];
}

} // namespace

simulation::simulation(bool is_directory, std::uint32_t copies_every)
  : is_directory_(is_directory), world_(policy_of_run()) {
  world_.is_quiet = true;
  world_.is_strict_about_breaks = false;
  world_.keeps_holds = true;
  world_.copies.reset();
  if (copies_every != 0)
    world_.copies.emplace(copies_every);
  world_.observer = [this](const command& what, const effects& out) { take(what, out); };
}

std::string simulation::run(const std::vector<step>& steps) {
  // A server sends all of its responses later, or none.
  answers_follow_ = !steps.empty() && steps.front().d % 4 != 0;
  world_.reconnects_are_answered_later = answers_follow_;
  constexpr std::array<std::uint64_t, 3> sizes{0, 8'196, unknown_allocation};
  allocation_ = steps.empty() ? 0 : sizes[steps.front().c % sizes.size()];
  for (const auto& s : steps) {
    perform(s);
    if (watch)
      watch(world_);
    if (!problems_.empty())
      return problems_.front();
    if (!world_.problems().empty())
      return world_.problems().front();
  }
  history_.push_back("everything ends");
  world_.finish();
  if (!problems_.empty())
    return problems_.front();
  return world_.problems().empty() ? "" : world_.problems().front();
}

void simulation::use_nodes() {
  world_.nodes = [](const client_guid& client) { return node_id{client == bob.guid ? 2U : 1U}; };
}

void simulation::complain(const std::string& what) {
  problems_.push_back(what);
}

// -- messages of the server ----------------------------------------------------------------------

void simulation::take(const command& what, const effects& out) {
  history_.push_back(describe(what));
  if (hear)
    hear(what, world_.now());
  std::visit(
    [&](const auto& c) {
      if constexpr (requires { c.operation; })
        commands_[c.operation] = what;
    },
    what);
  // The responses to opens that end or are disconnected are never sent.
  for (const auto& ended : out.ended)
    if (const auto open = opens_.find(ended.open); open != opens_.end())
      open->second.untold.reset();
  // Data that its client has written but not sent is lost with it; here the client sends it in
  // time.
  for (const auto& ended : out.ended)
    if (const auto open = opens_.find(ended.open);
        open != opens_.end() && ended.cause == end_cause::superseded)
      if (const auto held = caches_.find(name_of(open->second.request)); held != caches_.end())
        write_back(held->second);
  if (const auto* closing = std::get_if<close_open>(&what))
    if (const auto open = opens_.find(closing->open); open != opens_.end())
      open->second.untold.reset();
  if (const auto* gone = std::get_if<client_gone>(&what)) {
    move(*gone);
    forget_untold(*gone);
  }
  for (const auto& f : out.facts)
    if (const auto* overdue = std::get_if<answer_overdue>(&f))
      take(*overdue);
  check_own_deletion(out);
  for (const auto& asked : out.asked)
    take(asked);
  for (const auto& n : out.notifications) {
    history_.push_back("    -> " + describe(n));
    take(n);
  }
  for (const auto& f : out.facts)
    if (const auto* ended = std::get_if<break_ended>(&f))
      take(*ended);
  for (const auto& c : out.completions) {
    history_.push_back("    -> operation " +
      std::to_string(static_cast<std::uint64_t>(c.operation)) + " done: " + to_string(c.error));
    if (const auto* open = std::get_if<open_file>(&commands_[c.operation]);
        open != nullptr && open->overwrites && c.error == errc::success)
      check_streams(c.operation, out);
    take(commands_[c.operation], c);
  }
  check_deletion_keys(out);
  for (const auto& ended : out.ended) {
    const auto it = opens_.find(ended.open);
    if (it == opens_.end())
      continue;
    const auto name = name_of(it->second.request);
    opens_.erase(it);
    if (std::ranges::none_of(
          opens_, [&](const auto& o) { return name_of(o.second.request) == name; }))
      caches_.erase(name);
    if (ended.hold != hold_id::none)
      changes_.push_back({ended.hold, std::nullopt, false});
  }
}

// A delete-on-close open whose end breaks a lease did not use that lease, unless opens of several
// leases end at once. Excludes breaks that began earlier, or for another close.
void simulation::check_own_deletion(const effects& out) {
  if (answers_follow_ || world_.file.waiting() != 0 || out.completions.size() > 1)
    return;
  std::set<cache_name> deleting;
  for (const auto& ended : out.ended)
    if (const auto it = opens_.find(ended.open);
        it != opens_.end() && it->second.request.delete_on_close)
      deleting.insert(name_of(it->second.request));
  for (const auto& n : out.notifications)
    if (n.cause == break_cause::remove && !n.is_oplock && deleting.size() == 1 &&
      deleting.contains({n.client, n.key, open_id::none}))
      complain("a close breaks its own lease: " + describe(n));
}

void simulation::take(const streams_asked& asked) {
  std::set<open_id> of;
  for (const auto& [id, open] : opens_)
    if (opened_streams_.contains(id) &&
      std::ranges::find(asked.streams, open.request.stream) != asked.streams.end())
      of.insert(id);
  if (of.size() < asked.streams.size())
    complain("streams are asked that are not open");
  asked_.emplace_back(asked, std::move(of));
}

// The streams of a file are removed when it is overwritten: no client may cache them then, and none
// of them may be about to be granted caching.
void simulation::check_streams(operation_id overwriting, const effects& out) {
  for (const auto& [id, open] : opens_) {
    const bool has_ended =
      std::ranges::any_of(out.ended, [id = id](const open_ended& e) { return e.open == id; });
    if (open.request.stream.empty() || has_ended || closed_streams_.contains(id))
      continue;
    if (!opened_streams_.contains(id))
      complain("a file is overwritten while one of its streams is being opened");
    else if (!released_[overwriting].contains(id))
      complain("a file is overwritten and a stream was not asked");
  }
}

void simulation::tell_of_stream(const step& s) {
  live_open* const open = pick(s.a);
  if (open == nullptr || open->request.stream.empty())
    return;
  const attempt a = open->a;
  if (opened_streams_.contains(a.open)) {
    closed_streams_.insert(a.open);
    world_.stream_closed(a);
  } else {
    opened_streams_.insert(a.open);
    world_.stream_opened(a);
  }
}

void simulation::answer_streams(const step& s) {
  if (asked_.empty())
    return;
  const auto which = asked_.begin() + static_cast<std::ptrdiff_t>(s.a % asked_.size());
  const auto [asked, of] = *which;
  asked_.erase(which);
  if (asked.operation == operation_id::none)
    return;
  const bool fails = s.b % 8U == 0;
  if (!fails && asked.kind == access_kind::overwrite_base)
    released_[asked.operation].insert(of.begin(), of.end());
  world_.streams_answered(asked, fails ? errc::too_many_waiting : errc::success);
}

// A directory's lease is spared at a deletion only if all opens that took part named its key.
void simulation::check_deletion_keys(const effects& out) {
  const auto note = [&](open_id id) {
    const auto it = opens_.find(id);
    if (it != opens_.end() && it->second.request.lease && it->second.request.lease->version == 2 &&
      it->second.request.lease->parent_key)
      deletion_keys_.insert(*it->second.request.lease->parent_key);
    else
      deletion_keys_.insert(lease_key{});
  };
  const auto check = [&](const std::optional<lease_key>& key) {
    if (!out.ended.empty())
      note(out.ended.back().open);
    if (key && deletion_keys_ != std::set{*key})
      complain("a deletion is said to be known under " + to_string(*key));
    deletion_keys_.clear();
  };
  for (const auto& c : out.completions)
    if (const auto* access = std::get_if<access_file>(&commands_[c.operation]);
        access != nullptr && c.error == errc::success) {
      if (access->kind == access_kind::clear_delete)
        deletion_keys_.clear();
      if (access->kind == access_kind::set_delete)
        note(access->open);
    }
  for (const auto& ended : out.ended)
    if (const auto it = opens_.find(ended.open);
        it != opens_.end() && it->second.request.delete_on_close)
      note(ended.open);
  for (const auto& c : out.completions)
    if (const auto* closed = std::get_if<open_closed>(&c.result); closed && closed->delete_file)
      check(closed->parent_key);
    else if (const auto* gone = std::get_if<client_removed>(&c.result); gone && gone->delete_file)
      check(gone->parent_key);
  for (const auto& ended : out.ended)
    if (ended.hold != hold_id::none)
      check(ended.parent_key);
}

// The server has exceeded its time, so that the break may come before the responses.
void simulation::take(const answer_overdue& overdue) {
  const bool is_oplock = overdue.key.is_zero();
  const cache_name name{is_oplock ? client_guid{} : overdue.client, overdue.key,
    is_oplock ? overdue.open : open_id::none};
  late_.insert(name);
}

// A break: the client drops what is taken at once, and acknowledges in a later step.
void simulation::take(const break_notification& n) {
  const cache_name name{
    n.is_oplock ? client_guid{} : n.client, n.key, n.is_oplock ? n.open : open_id::none};
  // A client that does not know the lease ignores the notification, and never acknowledges it.
  const auto is_known = [&](const auto& o) {
    return name_of(o.second.request) == name && o.second.is_known;
  };
  if (std::ranges::any_of(opens_,
        [&](const auto& o) { return name_of(o.second.request) == name && o.second.untold; }) &&
    !late_.contains(name) &&
    (intersects(n.from, lease_state::write) || std::ranges::none_of(opens_, is_known)))
    complain("a notification overtakes the answer: " + describe(n));
  if (std::ranges::none_of(opens_, is_known))
    return;
  cache& c = caches_[name];
  if (!intersects(n.to, lease_state::write))
    write_back(c);
  if (!intersects(n.to, lease_state::read))
    c.data.reset();
  c.state = c.state & n.to;
  c.epoch = n.epoch;
  if (n.ack_required)
    acks_.push_back({name, n.to, n.id});
}

// The client of an expired or undeliverable break has not received it or was asleep, and must start
// over.
void simulation::take(const break_ended& ended) {
  if (ended.outcome != break_outcome::timed_out && ended.outcome != break_outcome::undeliverable)
    return;
  const bool is_oplock = ended.key.is_zero();
  const auto c = caches_.find(
    {is_oplock ? client_guid{} : ended.client, ended.key, is_oplock ? ended.open : open_id::none});
  if (c == caches_.end())
    return;
  write_back(c->second);
  c->second = {};
}

void simulation::take(const command& cause, const completion& c) {
  if (c.error != errc::success)
    return;
  if (const auto* granted = std::get_if<open_granted>(&c.result)) {
    if (const auto* back = std::get_if<reconnect_open>(&cause)) {
      if (const auto open = opens_.find(back->open); open != opens_.end()) {
        open->second.detached = false;
        open->second.who = *std::ranges::find_if(
          clients, [&](const client& x) { return x.connection == back->connection; });
        open->second.request.client = back->client;
        open->second.request.connection = back->connection;
        open->second.request.session = back->session;
        open->second.request.tree = back->tree;
        tell(open->second, *granted, back->answer_follows);
      }
    }
    if (const auto* replayed = std::get_if<replay_open>(&cause))
      if (const auto open = opens_.find(replayed->open); open != opens_.end()) {
        open->second.request.connection = replayed->connection;
        tell(open->second, *granted, replayed->answer_follows);
      }
    if (const auto* request = std::get_if<open_file>(&cause)) {
      const auto who = std::ranges::find_if(
        clients, [&](const client& x) { return x.connection == request->connection; });
      opens_[granted->open] = {{c.operation, granted->open}, *request, *who, false, {}, 0, false};
      tell(opens_[granted->open], *granted, request->answer_follows);
      if (granted->hold != hold_id::none)
        changes_.push_back({granted->hold, name_of(*request), true});
    }
  } else if (const auto* allowed = std::get_if<access_granted>(&c.result)) {
    const auto& access = std::get<access_file>(cause);
    if (access.kind == access_kind::read && stored_ != newest_)
      complain("a read without an open is let in while version " + std::to_string(newest_) +
        " is not written back");
    // A write takes its time, independent of the server's state.
    if (access.kind == access_kind::write || allowed->hold != hold_id::none)
      changes_.push_back({allowed->hold, name_of(access.open), access.kind == access_kind::write});
  } else if (const auto* closed = std::get_if<open_closed>(&c.result)) {
    if (const auto open = opens_.find(std::get<close_open>(cause).open); open != opens_.end())
      open->second.detached = closed->kept;
    if (closed->hold != hold_id::none)
      changes_.push_back({closed->hold, std::nullopt, false});
  } else if (const auto* removed = std::get_if<client_removed>(&c.result)) {
    detach(std::get<client_gone>(cause));
    if (removed->hold != hold_id::none)
      changes_.push_back({removed->hold, std::nullopt, false});
  }
}

void simulation::tell(live_open& o, const open_granted& granted, bool later) {
  o.granted = ++grants_;
  if (later)
    o.untold = granted;
  else
    believe(o, granted);
}

void simulation::believe(live_open& o, const open_granted& granted) {
  o.is_known = true;
  auto& c = caches_[name_of(o.request)];
  // During a break the response still has the old state, but the client knows the new one. A server
  // that sends two responses in the wrong order gets no guarantee.
  if (granted.break_in_progress || o.granted < c.believed)
    return;
  if (granted.version == 2 && static_cast<std::int16_t>(granted.epoch - c.epoch) < 0 &&
    c.believed != 0)
    return;
  c.epoch = granted.epoch;
  c.believed = o.granted;
  c.state = granted.state;
}

// The client receives the grant, and after it the messages that have come since.
void simulation::send_answer(live_open& o) {
  if (const auto granted = std::exchange(o.untold, std::nullopt)) {
    history_.push_back(
      "answer of " + std::to_string(static_cast<std::uint64_t>(o.a.open)) + " arrives");
    believe(o, *granted);
    if (std::ranges::none_of(opens_, [&](const auto& x) {
          return x.second.untold && name_of(x.second.request) == name_of(o.request);
        }))
      late_.erase(name_of(o.request));
    if (granted->answer != 0)
      world_.answer(*granted);
  }
}

// -- actions of the clients ----------------------------------------------------------------------

simulation::cache_name simulation::name_of(const open_file& request) {
  if (request.lease)
    return {request.client, request.lease->key, open_id::none};
  return {{}, {}, request.open};
}

simulation::live_open* simulation::pick(std::uint16_t n) {
  if (opens_.empty())
    return nullptr;
  return &std::next(opens_.begin(), n % static_cast<std::ptrdiff_t>(opens_.size()))->second;
}

std::optional<simulation::cache_name> simulation::name_of(open_id id) const {
  const auto open = opens_.find(id);
  if (open == opens_.end())
    return std::nullopt;
  return name_of(open->second.request);
}

void simulation::write_back(cache& c) {
  if (c.dirty)
    stored_ = *c.data;
  c.dirty = false;
}

void simulation::write_back_all_of(const client_guid& who) {
  for (const auto& [id, open] : opens_)
    if (open.request.client == who)
      write_back(caches_[name_of(open.request)]);
}

// A user has just written, through an open or not: that is the newest version now.
void simulation::fresh_data(const std::optional<cache_name>& by) {
  stored_ = ++newest_;
  const auto mine = by ? caches_.find(*by) : caches_.end();
  if (mine == caches_.end())
    return;
  cache& c = mine->second;
  c.dirty = false;
  c.data.reset();
  if (intersects(c.state, lease_state::read))
    c.data = newest_;
}

void simulation::forget_untold(const client_gone& gone) {
  for (auto& [id, open] : opens_)
    if (is_gone(gone, open))
      open.untold.reset();
}

// The client's remaining opens are durable and disconnected now.
void simulation::detach(const client_gone& gone) {
  for (auto& [id, open] : opens_)
    if (is_gone(gone, open))
      open.detached = true;
}

bool simulation::is_gone(const client_gone& gone, const live_open& open) {
  const auto& o = open.request;
  if (o.client != gone.client)
    return false;
  if (gone.session != session_id::none)
    return o.session == gone.session && (gone.tree == tree_id::none || o.tree == gone.tree);
  return !gone.connection || *gone.connection == o.connection;
}

// The opens and CREATEs of a session that has another channel move to that channel.
void simulation::move(const client_gone& gone) {
  const auto moves = [&](open_file& o) {
    for (const auto& heir : gone.heirs)
      if (o.client == gone.client && o.connection == *gone.connection && o.session == heir.session)
        o.connection = heir.connection;
  };
  for (auto& [id, open] : opens_) {
    moves(open.request);
    open.who.connection = open.request.connection;
  }
  for (auto& [id, what] : commands_)
    if (auto* const opening = std::get_if<open_file>(&what))
      moves(*opening);
}

// A change in a directory never waits. If the directory's lease is losing Handle at that time, its
// holder learns of the loss of Read when it acknowledges.
bool simulation::is_forgiven(const live_open& o) const {
  if (!is_directory_ || !o.request.lease)
    return false;
  const auto lease = world_.lease_of(o.who, o.request.lease->key);
  return lease && lease->breaking && !intersects(lease->required, lease_state::read);
}

// All newer versions were made by the client itself, and their responses have not been sent.
bool simulation::is_own_news(const client_guid& who, std::uint64_t seen) const {
  const bool is_untold = std::ranges::any_of(
    untold_changes_, [&](const untold_change& untold) { return untold.who == who; });
  const auto newer = made_by_.upper_bound(seen);
  return is_untold &&
    static_cast<std::uint64_t>(std::distance(newer, made_by_.end())) == newest_ - seen &&
    std::all_of(newer, made_by_.end(), [&](const auto& made) { return made.second == who; });
}

void simulation::read(const live_open& o) {
  if (o.detached || o.untold || (o.request.access & (access::read_data | access::execute)) == 0)
    return;
  cache& c = caches_[name_of(o.request)];
  const bool may_cache = intersects(c.state, lease_state::read);
  const auto seen = may_cache && c.data ? *c.data : stored_;
  history_.push_back("read through " + std::to_string(static_cast<std::uint64_t>(o.a.open)) +
    (may_cache && c.data ? " from the cache" : "") + ": version " + std::to_string(seen));
  if (seen != newest_ && !is_forgiven(o) && !is_own_news(o.request.client, seen))
    complain("stale read through open " + std::to_string(static_cast<std::uint64_t>(o.a.open)) +
      ": version " + std::to_string(seen) + " instead of " + std::to_string(newest_));
  if (may_cache)
    c.data = seen;
}

// Under Write a client may still write through.
void simulation::write(const live_open& o, bool through) {
  if (o.detached || o.untold ||
    (o.request.access & (access::write_data | access::append_data)) == 0)
    return;
  cache& c = caches_[name_of(o.request)];
  if (intersects(c.state, lease_state::write) && !through) {
    c.data = ++newest_;
    c.dirty = true;
    history_.push_back("write through " + std::to_string(static_cast<std::uint64_t>(o.a.open)) +
      " into the cache: version " + std::to_string(newest_));
    return;
  }
  write_back(c);
  world_.access(o.who, access_kind::write, o.a);
}

// -- steps
// ------------------------------------------------------------------------------------------

void simulation::perform(const step& s) {
  live_open* open = pick(s.a);
  switch (s.what % 40) {
  case 0:
  case 1:
  case 2:
  case 3:
  case 4:
  case 5:
    return perform_open(s);
  case 6:
  case 7:
  case 8:
    if (open != nullptr) {
      write_back(caches_[name_of(open->request)]);
      const attempt a = open->a;
      if (s.b % 4 == 0)
        world_.drop(a);
      else if (!open->untold) // its client does not know it yet
        world_.close(a);
    }
    return;
  case 9:
  case 10:
  case 11:
    if (open != nullptr && !is_directory_)
      read(*open);
    if (open != nullptr && is_directory_)
      change_children(s);
    return;
  case 12:
  case 13:
  case 14:
    if (open != nullptr && !is_directory_)
      write(*open, s.b % 4 == 0);
    if (open != nullptr && is_directory_)
      read(*open);
    return;
  case 15:
  case 16:
  case 17:
  case 18:
    return acknowledge_one(s);
  case 19:
  case 20:
  case 21:
    return make_change(s);
  case 22:
  case 23:
    return perform_access(s);
  case 24:
    if (open != nullptr)
      locks_and_waits_.push_back(world_.lock_of_allocated(
        allocation_, open->a, {lock_offset(s.b), s.c % 8U}, s.d % 2 == 0, s.d % 4 < 2));
    return;
  case 25:
    if (open != nullptr)
      world_.unlock(open->a, {{lock_offset(s.b), s.c % 8U}});
    return;
  case 26:
    if (!locks_and_waits_.empty())
      world_.cancel(locks_and_waits_[s.a % locks_and_waits_.size()]);
    return;
  case 27:
    if (!acks_.empty())
      world_.undeliverable(acks_[s.a % acks_.size()].id);
    return;
  case 28: {
    const client& who = clients[s.a % clients.size()];
    write_back_all_of(who.guid);
    const auto& other = clients[s.a % clients.size() == 0 ? 1 : 0];
    switch (s.b % 5) {
    case 0:
      world_.disconnect(who);
      return;
    case 1:
      if (who.guid == other.guid) {
        world_.disconnect_connection(who, {other.channel()});
        return;
      }
      [[fallthrough]];
    case 2:
      world_.disconnect_connection(who);
      return;
    case 3:
      if (who.session != session_id::none)
        world_.end_session(who);
      return;
    default:
      if (who.session != session_id::none)
        world_.end_tree(who);
      return;
    }
  }
  case 29: {
    force_break how;
    how.keep = file_states[s.a % 3U];
    how.ends_running = s.b % 2U != 0;
    locks_and_waits_.push_back(world_.force(how));
    return;
  }
  case 30:
    if (open != nullptr && s.c % 3 == 0) {
      world_.resilient(open->a, seconds{1 + s.d % 100U});
    } else if (open != nullptr) {
      std::optional<lease_key> key;
      if (open->request.lease)
        key = open->request.lease->key;
      world_.reconnect(clients[s.b % clients.size()], open->a, key);
    }
    return;
  case 31:
    if (open != nullptr && !open->untold) {
      opening again = by(open->who);
      again.request = open->request;
      world_.replay(open->a, again);
    }
    return;
  case 32:
  case 33:
  case 34:
    if (s.b % 2 == 0 && !untold_changes_.empty())
      send_answer_to_change(s.c);
    else if (open != nullptr)
      send_answer(*open);
    return;
  case 35:
  case 36:
    return tell_of_stream(s);
  case 37:
  case 38:
    return answer_streams(s);
  default:
    return world_.pass(milliseconds{s.a % 40'000U});
  }
}

void simulation::perform_open(const step& s) {
  auto how = by(clients[s.a % clients.size()]);
  how.access(random_access_mask(s.c)).shares(random_share(static_cast<std::uint16_t>(s.c >> 4)));
  const std::array<lease_key, 3> keys{k1, k2, k3};
  const auto state = all_requests[(s.b >> 2) % all_requests.size()];
  if (s.b % 4 == 0)
    how.oplock(s.b % 8 == 0 ? oplock_level::batch : oplock_level::level_ii);
  else if (s.d % 4 == 0)
    how.lease_v1(keys[(s.d >> 2) % 3U], state);
  else
    how.lease(keys[(s.d >> 2) % 3U], state, static_cast<std::uint16_t>(s.d * 37U));
  if (how.request.lease && s.c % 4 != 0)
    how.parent(keys[(s.c >> 2) % 2U]);
  how.request.is_directory = is_directory_;
  how.request.overwrites = !is_directory_ && (s.d >> 4) % 5 == 0;
  how.request.delete_on_close =
    (s.d >> 7) % 8 == 0 && (how.request.access & access::delete_file) != 0;
  if ((s.d >> 10) % 3 == 0)
    how.durable(seconds{60});
  else if ((s.d >> 10) % 9 == 1)
    how.persistent(seconds{60});
  if ((s.d >> 3) % 4 == 0) {
    how.instance(app_instance_id::of(1 + s.d % 2U));
    if (s.c % 2 == 0)
      how.request.instance->version = app_instance_version{0, s.c % 3U};
  }
  if ((s.d >> 13) % 6 == 0) {
    const std::array<std::string, 4> streams{"", "s", "s", "t"};
    auto stream = by(clients[s.a % clients.size()])
                    .of_stream(how.request.share_access, streams[s.b % streams.size()]);
    stream.request.is_directory = is_directory_;
    how = stream;
  }
  how.request.answer_follows = answers_follow_;
  how.allocated(allocation_);
  locks_and_waits_.push_back(world_.open(how));
}

void simulation::perform_access(const step& s) {
  constexpr std::array<access_kind, 10> kinds{access_kind::read, access_kind::write,
    access_kind::rename, access_kind::link, access_kind::set_security, access_kind::replace,
    access_kind::rename_ancestor, access_kind::set_delete, access_kind::clear_delete,
    access_kind::unlink};
  const auto kind = kinds[s.b % kinds.size()];
  if (is_directory_ && kind == access_kind::write)
    return change_children(s);
  const live_open* open = pick(s.a);
  if (open != nullptr && s.c % 2 == 0 && kind != access_kind::read && kind != access_kind::write)
    locks_and_waits_.push_back(world_.access(open->who, kind, open->a));
  else
    locks_and_waits_.push_back(world_.access(s.c % 3 == 0 ? bob : nobody, kind));
}

void simulation::acknowledge_one(const step& s) {
  if (acks_.empty())
    return;
  const auto which = static_cast<std::ptrdiff_t>(s.a % acks_.size());
  const awaited_ack ack = acks_[static_cast<std::size_t>(which)];
  acks_.erase(acks_.begin() + which);
  // Mostly the requested state, sometimes less, sometimes an invalid one.
  auto state = s.b % 4 == 0 ? ack.to & all_requests[s.c % all_requests.size()] : ack.to;
  if (s.b % 16 == 1)
    state = all_requests[s.c % all_requests.size()];
  const bool is_oplock = ack.name.open != open_id::none;
  if (is_oplock) {
    const auto open = opens_.find(ack.name.open);
    if (open == opens_.end())
      return;
    state = intersects(state, r) ? r : none;
    if (cache& c = caches_[ack.name]; state == none) {
      write_back(c);
      c.data.reset();
      c.state = none;
    }
    const client who = open->second.who;
    const std::array<oplock_level, 3> wrong{
      oplock_level::exclusive, oplock_level::lease, oplock_level{0x17}};
    // A client that acknowledges an invalid level is left nothing, and drops its cache.
    world_.acknowledge_oplock(
      who, open->second.a, s.b % 16 == 2 && state == none ? wrong[s.c % 3U] : oplock_of(state));
    return;
  }
  const client who{ack.name.client, {}};
  if (is_valid(state, is_directory_) && is_subset(state, ack.to)) {
    if (const auto c = caches_.find(ack.name); c != caches_.end()) {
      if (!intersects(state, lease_state::write))
        write_back(c->second);
      c->second.state = c->second.state & state;
      if (!intersects(state, r))
        c->second.data.reset();
    }
    world_.acknowledge(who, ack.name.key, state);
    return;
  }
  world_.acknowledge(who, ack.name.key, state);
  acks_.push_back(ack);
}

void simulation::make_change(const step& s) {
  if (changes_.empty())
    return;
  const auto which = static_cast<std::ptrdiff_t>(s.a % changes_.size());
  const change made = changes_[static_cast<std::size_t>(which)];
  changes_.erase(changes_.begin() + which);
  if (made.is_of_data)
    fresh_data(made.by);
  world_.end(made.hold);
}

// A user has created or removed a file in the directory, with or without the key of a lease on it.
void simulation::change_children(const step& s) {
  const std::array<lease_key, 3> keys{k1, k2, k3};
  std::optional<lease_key> key;
  if (s.b % 3 == 0)
    key = keys[s.c % 3U];
  stored_ = ++newest_;
  // A user with the key of a lease informs its holder.
  for (auto& [name, c] : caches_)
    if (key && name.key == *key && c.data)
      c.data = newest_;
  const client& who = clients[s.d % clients.size()];
  made_by_[newest_] = who.guid;
  if (!answers_follow_) {
    world_.access(who, access_kind::change_children, key);
    return;
  }
  const attempt a = world_.change_answered_later(who, key);
  if (world_.result_of<access_granted>(a).answer != 0)
    untold_changes_.push_back({who.guid, a});
}

void simulation::send_answer_to_change(std::uint16_t n) {
  const auto which =
    untold_changes_.begin() + static_cast<std::ptrdiff_t>(n % untold_changes_.size());
  const attempt told = which->a;
  untold_changes_.erase(which);
  world_.answer(told);
}

} // namespace leasebreak::model_test
