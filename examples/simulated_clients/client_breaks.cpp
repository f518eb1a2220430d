// How a simulated client handles break notifications.
#include "client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace leasebreak::simulated {

namespace asio = boost::asio;

namespace {

// The inverse of `open_request_of`, which makes the lease key from the cache's id.
cache_id cache_of_key(const lease_key& key) {
  cache_id id = 0;
  for (std::size_t i = 8; i-- > 0;)
    id = id << 8 | key.bytes[i];
  return id;
}

} // namespace

cache_id client::cache_of(const break_notification& n) const {
  if (!n.is_oplock)
    return cache_of_key(n.key);
  const auto found = std::find_if(known_opens_.rbegin(), known_opens_.rend(),
    [&](const known_open& k) { return k.open == n.open; });
  return found == known_opens_.rend() ? 0 : found->cache;
}

void client::on_break(const break_notification& n, std::size_t file, const break_report& report) {
  const auto issued = world_.host.clock().from_theirs(n.issued);
  const auto cache = cache_of(n);
  if (cache != 0)
    world_.judge.notified(file, number_, cache, issued, n.to, now());
  if (!connected_) {
    ++world_.counts.breaks_unsendable;
    report.undeliverable();
  } else if (cache != 0) {
    obey(n, file, cache, issued);
  } else {
    ++world_.counts.breaks_early;
  }
}

void client::obey(
  const break_notification& n, std::size_t file, cache_id cache, time_point issued) {
  auto& f = slot_of(file);
  if (f.cache.id() != cache)
    return; // closed meanwhile, which also ends the break
  if (traits_.unresponsive) {
    ignore(n, file, cache, issued);
    return;
  }
  f.cache.notified(n, issued);
  if (!n.ack_required)
    return;
  ++world_.answers_under_way;
  asio::co_spawn(strand_, answer_break(n, file, cache, issued),
    [this](std::exception_ptr) { --world_.answers_under_way; });
}

void client::ignore(
  const break_notification& n, std::size_t file, cache_id cache, time_point issued) {
  auto& f = slot_of(file);
  ++world_.counts.breaks_ignored;
  world_.judge.ignored(file, cache, now());
  const auto deadline = issued + world_.break_timeout;
  if (!f.ignoring_until)
    f.ignoring_until = deadline;
  if (!n.ack_required || !chance(random_, 50))
    return;
  ++world_.answers_under_way;
  asio::co_spawn(strand_, acknowledge_late(n, file, deadline),
    [this](std::exception_ptr) { --world_.answers_under_way; });
}

client::task<void> client::acknowledge_late(
  break_notification n, std::size_t file, time_point deadline) {
  constexpr auto later = std::chrono::milliseconds{50};
  co_await pause(deadline - now() + later);
  const auto reply = co_await send_acknowledgement(n, file, n.to);
  if (!reply)
    world_.counts.failed(reply.error);
}

client::task<void> client::answer_break(
  break_notification n, std::size_t file, cache_id cache, time_point issued) {
  if (traits_.slow)
    co_await pause(up_to(random_, world_.break_timeout / 4));
  auto& f = slot_of(file);
  const auto alone = co_await f.busy.lock();
  if (f.cache.id() != cache)
    co_return;
  notice_deadline(file);
  if (!intersects(n.to, lease_state::write))
    co_await flush_locked(file);
  if (!intersects(n.to, lease_state::handle) && chance(random_, 70)) {
    std::vector<open_id> unused;
    for (auto& h : f.handles)
      if (!h.in_use) {
        h.in_use = true; // prevents the user from reusing it while others are closed
        unused.push_back(h.open);
      }
    for (const auto open : unused)
      co_await close_locked(file, open);
  }
  if (f.cache.id() == cache)
    co_await acknowledge(n, file, cache, issued);
}

client::task<void> client::acknowledge(
  break_notification n, std::size_t file, cache_id cache, time_point issued) {
  auto& f = slot_of(file);
  auto keeps = n.to;
  if (!f.cache.dirty() && chance(random_, 10))
    keeps = keeps & lease_state::read; // a client may release more than required
  f.cache.lower(keeps);
  const auto connection = connection_;
  const auto reply = co_await send_acknowledgement(n, file, keeps);
  if (f.cache.id() != cache)
    co_return; // closed or disconnected meanwhile
  switch (reply.error) {
  case errc::success:
    f.cache.acknowledged(n.id, keeps);
    world_.judge.answered(file, cache, issued, now());
    break;
  case errc::unknown_lease:
  case errc::lease_not_breaking:
  case errc::invalid_oplock_ack:
    // Too late: the server has revoked it.
    world_.counts.failed(reply.error);
    ++world_.counts.breaks_late;
    revoked(file);
    break;
  default:
    count(reply.error, "acknowledge", connection);
    revoked(file);
    break;
  }
}

client::task<answer<lease_state>> client::send_acknowledgement(
  break_notification n, std::size_t file, lease_state keeps) {
  if (n.is_oplock) {
    oplock_acknowledgement a;
    a.file = name_of(file);
    a.client = guid_;
    a.open = n.open;
    a.level = oplock_of(keeps & lease_state::read);
    co_return co_await world_.host.acknowledge(std::move(a));
  }
  co_return co_await world_.host.acknowledge(lease_acknowledgement{guid_, n.key, keeps});
}

} // namespace leasebreak::simulated
