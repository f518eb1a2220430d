// The steps of a scene.
#include "ask.hpp"

#include <algorithm>
#include <array>

namespace leasebreak::simulation {

using namespace std::chrono_literals;

namespace {

constexpr std::array<const char*, 7> paths{"a", "b", "x/a", "x/b", "y/a", "z/a", "x"};
constexpr std::array<const char*, 3> directories{"x", "y", "z"};

} // namespace

scene scene_of(std::uint64_t seed) {
  random_source random(seed);
  scene result{random.next(), {}};
  result.steps.resize(30 + random.below(150));
  for (auto& s : result.steps) {
    s = random_step(random);
    s.gap = random_gap(random, 2'000);
  }
  return result;
}

std::optional<open_id> coordinator_run::pick(
  std::uint16_t n, std::uint32_t access, bool of_file) const {
  std::vector<open_id> usable;
  for (const auto& [id, h] : opens_)
    if (h.is_told && !h.is_gone && (h.access & access) == access &&
      !(of_file && disk_.at(h.file).is_directory))
      usable.push_back(id);
  if (usable.empty())
    return std::nullopt;
  return usable[n % usable.size()];
}

coordinator_run::link* coordinator_run::pick_link(std::uint16_t n) {
  std::vector<link*> up;
  for (const auto& l : links_)
    if (l->is_up && l->is_known)
      up.push_back(l.get());
  return up.empty() ? nullptr : up[n % up.size()];
}

coordinator_run::create coordinator_run::random_create(const step& s) {
  constexpr std::array<std::uint32_t, 6> masks{access::all, access::all,
    access::read_data | access::write_data | access::delete_file, access::read_data,
    access::read_attributes | access::synchronize, access::delete_file | access::read_attributes};
  constexpr std::array<std::uint32_t, 5> modes{
    share::all, share::all, share::all, share::read | share::write, share::read};
  constexpr std::array<lease_state, 6> states{lease_state::rwh, lease_state::rwh, lease_state::rw,
    lease_state::rh, lease_state::r, lease_state::none};
  create result;
  result.on = pick_link(s.a);
  if (result.on == nullptr)
    return result;
  result.client = result.on->client;
  result.path = paths[s.b % paths.size()];
  auto& ask_for = result.ask;
  ask_for.client = clients_[result.client].guid;
  ask_for.connection = result.on->id;
  ask_for.session = result.on->session;
  ask_for.tree = static_cast<tree_id>(1 + s.a / 8U % 2U);
  ask_for.share = "share";
  ask_for.root = "root";
  ask_for.access = masks[s.c % masks.size()];
  ask_for.share_access = modes[s.c / 8U % modes.size()];
  ask_for.overwrites = s.c / 64U % 8U == 0 && (ask_for.access & access::write_data) != 0;
  ask_for.delete_on_close = s.c / 512U % 10U == 0 && (ask_for.access & access::delete_file) != 0;
  if (s.d % 4 == 0) {
    constexpr std::array<oplock_level, 3> levels{
      oplock_level::batch, oplock_level::exclusive, oplock_level::level_ii};
    ask_for.oplock = levels[s.d / 4U % levels.size()];
  } else {
    // A key belongs to one path of a client, and is used as long as an open or CREATE has it.
    const auto slot =
      std::pair(result.client, static_cast<std::uint16_t>(s.b % paths.size() * 2U + s.d / 4U % 2U));
    auto& key = current_keys_[slot];
    const bool in_use = key_uses_[key] != 0 || std::ranges::any_of(opens_, [&](const auto& o) {
      return o.second.lease && o.second.lease->key == key;
    });
    if (key.is_zero() || !in_use)
      key = lease_key::of(++last_key_);
    ask_for.lease = lease_request{key, states[s.d / 8U % states.size()],
      static_cast<std::uint8_t>(result.client == 2 ? 1 : 2), 0, std::nullopt};
  }
  if (s.d / 64U % 4U == 0) {
    durable_request keep;
    keep.timeout = 60s;
    keep.persistent = s.d / 256U % 3U == 0;
    if (keep.persistent || s.d / 1024U % 2U == 0)
      keep.guid = create_guid::of(++last_key_, 7);
    ask_for.durable = keep;
  }
  return result;
}

void coordinator_run::restart(const step& s) {
  if (is_ending_ || is_stopping_)
    return;
  if (s.b % 2 != 0) {
    stop_server(false);
    return start_server();
  }
  is_stopping_ = true;
  spawn([](coordinator_run& w, std::uint64_t run) -> task<void> {
    auto stopped = co_await w.ask<nothing>(
      detail::shutdown_request{}, patience::bounded, "shut the server down");
    if (stopped.error != errc::success && stopped.error != errc::shutting_down)
      w.complain("the server does not stop: " + to_string(stopped.error));
    // Not within this coroutine, which the stop would interrupt.
    w.loop_.after(span{}, [&w, run] {
      if (run != w.run_ || w.is_ending_)
        return;
      w.stop_server(true);
      w.start_server();
    });
  }(*this, run_));
}

void coordinator_run::perform(const step& s) {
  const auto range = byte_range{s.b % 4U * 10U, 10U + s.c % 2U * 10U};
  switch (s.what % 64) {
  default: // all other numbers: open
    if (auto what = random_create(s); what.on != nullptr)
      spawn(open(std::move(what)));
    return;
  case 0:
  case 1:
  case 2:
  case 3:
  case 4:
  case 5:
  case 6:
    if (const auto id = pick(s.a))
      spawn(close(*id, false));
    return;
  case 7:
  case 8:
  case 9:
  case 10:
  case 11:
  case 12:
  case 13:
    if (const auto id = pick(s.a, access::read_data))
      read(*id, range);
    return;
  case 14:
  case 15:
  case 16:
  case 17:
  case 18:
  case 19:
  case 20:
  case 21:
    if (const auto id = pick(s.a, access::write_data, true))
      spawn(write(*id));
    return;
  case 22:
    return spawn(write_without_open());
  case 23:
    return spawn(read_without_open(s.a % disk_.size()));
  case 24:
  case 25:
    if (const auto id = pick(s.a, access::read_data, true))
      spawn(lock(*id, range, s.d % 2 == 0, s.d % 8 >= 4));
    return;
  case 26:
    if (const auto id = pick(s.a, 0, true))
      spawn(unlock(*id, range));
    return;
  case 27:
  case 28:
  case 29:
    if (const auto id = pick(s.a, access::delete_file, true))
      spawn(rename(*id, paths[s.b % (paths.size() - 1)]));
    return;
  case 30:
  case 31:
    if (const auto id = pick(s.a, access::delete_file, true))
      spawn(set_delete(*id, s.b % 4 != 0));
    return;
  case 32:
  case 33:
    note("an operation is cancelled");
    return ledger_.cancel(s.a);
  case 34:
  case 35:
    if (auto* const l = pick_link(s.a))
      cut(*l);
    return;
  case 36:
  case 37:
  case 38:
    return connect(s.a % clients_.size(), s.b % clients_[s.a % clients_.size()].links.size());
  case 39:
    if (auto* const l = pick_link(s.a); l != nullptr && l->session != session_id::none) {
      const auto session = l->session;
      const auto who = l->client;
      const bool whole = s.b % 2 == 0;
      if (whole)
        for (const auto& each : links_)
          if (each->session == session && each->is_up) {
            each->is_up = each->is_known = false;
            each->under_way.clear();
            for (auto& slot : clients_[who].links)
              if (slot == each.get())
                slot = nullptr;
          }
      spawn(end_session(who, session, whole ? tree_id::none : tree_id{1}));
    }
    return;
  case 40:
  case 41:
  case 42: {
    std::vector<open_id> detached;
    for (const auto& [id, h] : opens_)
      if (h.is_detached && h.reconnects == 0)
        detached.push_back(id);
    if (detached.empty())
      return;
    const auto id = detached[s.a % detached.size()];
    for (auto* const l : clients_[opens_.at(id).client].links)
      if (l != nullptr && l->is_up)
        return spawn(reconnect(id, l));
    return;
  }
  case 43:
    for (const auto& [id, h] : opens_)
      if (!h.is_told && !h.is_gone && !h.guid.is_zero() && !answers_held_.contains(id))
        for (auto* const l : clients_[h.client].links)
          if (l != nullptr && l->is_up && l->session == h.session)
            return spawn(replay(id, l));
    return;
  case 44:
    return spawn(force(s.a % disk_.size(), s.b % 2 == 0 ? lease_state::none : lease_state::r));
  case 45:
    return spawn(list());
  case 46:
    if (const auto& client = clients_[s.a % clients_.size()]; client.is_registered)
      if (const auto error = c().replace_sink(
            client.guid, new_sink(s.a % clients_.size()), executor_of_sinks(s.a % clients_.size()));
          error && !is_stopping_)
        complain("a sink is not replaced: " + error.message());
    return;
  case 47:
    if (s.b % 4 == 0) {
      const auto who = s.a % clients_.size();
      for (const auto& l : links_)
        if (l->client == who) {
          l->is_up = l->is_known = false;
          l->under_way.clear();
        }
      std::ranges::fill(clients_[who].links, nullptr);
      lose_reach();
      spawn(leave_and_return(who));
    }
    return;
  case 48:
    if (s.c % 3 == 0)
      restart(s);
    return;
  case 49:
  case 50:
    return spawn(make_directory(directories[s.a % directories.size()]));
  case 51:
  case 52:
    return spawn(rename_directory(s.c % clients_.size(), directories[s.a % directories.size()],
      directories[s.b % directories.size()]));
  }
}

} // namespace leasebreak::simulation
