#include "client.hpp"

#include "canceller.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::simulated {

namespace asio = boost::asio;

namespace {

constexpr std::size_t known_opens_max = 256;
constexpr auto offline_max = std::chrono::milliseconds{50};
constexpr auto pause_max = std::chrono::milliseconds{2};
constexpr auto unresponsive_pause_max = std::chrono::milliseconds{200};

} // namespace

client::client(world& w, std::size_t number, client_traits traits, std::uint64_t seed,
  const asio::any_io_executor& strand)
  : world_{w}, number_{number}, guid_{client_guid::of(number + 1)}, traits_{traits},
    strand_{strand}, random_{seed}, seed_{seed} {
  files_.resize(w.files);
}

void client::enlist() {
  world_.host.register_client(
    guid_, "client " + std::to_string(number_),
    [this](const break_notification& n, const file_name_id& file, const break_report& report) {
      on_break(n, file_of(file), report);
    },
    strand_, seed_ + 1);
}

asio::awaitable<void> client::work() {
  while (!world_.stopping) {
    // Unresponsive clients pause longer: they make all others wait, and should be rare in the load.
    co_await pause(up_to(random_, traits_.unresponsive ? unresponsive_pause_max : pause_max));
    if (connected_)
      co_await one_operation();
  }
  while (!connected_)
    co_await pause(std::chrono::milliseconds{1});
  for (std::size_t file = 0; file < files_.size(); ++file)
    if (files_[file])
      co_await close_file(file);
}

asio::awaitable<void> client::lose_connections() {
  while (!world_.stopping) {
    co_await pause(std::chrono::milliseconds{200} + up_to(random_, std::chrono::seconds{1}));
    if (world_.stopping)
      break;
    disconnect_request request{guid_, std::nullopt};
    if (chance(random_, 50))
      request.connection = connection_id{connection_};
    cut();
    ++world_.counts.disconnects;
    co_await pause(up_to(random_, offline_max)); // until the server notices
    const auto reply = co_await world_.host.disconnect(self(), request);
    count(reply.error, "disconnect", connection_);
    co_await pause(up_to(random_, offline_max));
    connected_ = true;
  }
}

void client::cut() {
  connected_ = false;
  ++connection_;
  for (std::size_t file = 0; file < files_.size(); ++file) {
    if (!files_[file])
      continue;
    auto& f = *files_[file];
    revoked(file);
    f.cache.end();
    f.handles.clear();
    f.ignoring_until.reset();
  }
}

caller client::self() {
  return {number_, guid_, &random_};
}

client::file_slot& client::slot_of(std::size_t file) {
  auto& f = files_[file];
  if (!f)
    f = std::make_unique<file_slot>(world_.break_timeout, strand_);
  return *f;
}

bool client::count(errc e, const char* what, std::uint64_t connection) {
  if (e == errc::success)
    return true;
  const bool reconnected = connection != connection_;
  bool known = false;
  switch (e) {
  case errc::sharing_violation:
  case errc::delete_pending:
  case errc::access_denied:
  case errc::cancelled:
  case errc::lock_not_granted:
  case errc::file_lock_conflict:
  case errc::break_timed_out:
  case errc::too_many_waiting:
  case errc::store_backlog:
    known = true;
    break;
  case errc::client_gone:
  case errc::unknown_open:
  case errc::range_not_locked:
    known = reconnected;
    break;
  default:
    break;
  }
  if (known)
    world_.counts.failed(e);
  else
    world_.counts.unexpected(std::string{what} + ": " + to_string(e));
  return false;
}

open_request client::open_request_of(
  std::size_t file, std::uint32_t access, bool exclusive, bool overwrites, std::uint64_t cache) {
  open_request request;
  request.file = name_of(file);
  request.client = guid_;
  request.connection = connection_id{connection_};
  request.share = "simulated";
  request.access = access;
  request.share_access = exclusive ? share::none : share::all;
  request.overwrites = overwrites;
  constexpr lease_state wanted[] = {lease_state::rwh, lease_state::rwh, lease_state::rwh,
    lease_state::rh, lease_state::rw, lease_state::r};
  const auto state = wanted[random_() % std::size(wanted)];
  if (traits_.uses_oplocks) {
    request.oplock = oplock_of(state);
  } else {
    request.lease.emplace();
    request.lease->key = lease_key::of(cache, number_ + 1);
    request.lease->state = state;
    request.lease->version = traits_.lease_version;
  }
  return request;
}

client::task<std::optional<client::open_id>> client::open(
  std::size_t file, std::uint32_t access, bool exclusive, bool overwrites) {
  auto& f = slot_of(file);
  const auto connection = connection_;
  if (f.handles.empty())
    f.cache.begin(++world_.cache_ids);
  const auto cache = f.cache.id();
  f.cache.opening();
  const canceller give_up{strand_, random_, world_.break_timeout / 4, world_.counts};
  auto request = open_request_of(file, access, exclusive, overwrites, cache);
  auto reply = co_await world_.host.open(
    self(), std::move(request), overwrites ? world_.host.disk().next_stamp() : 0, give_up.slot());
  if (connection != connection_) {
    // The connection was lost meanwhile. If the open did not end with it, close it now.
    f.cache.refused();
    if (reply)
      count((co_await world_.host.close(self(), file, reply.value.granted.open)).error, "close",
        connection);
    else
      count(reply.error, "open", connection);
    co_return std::nullopt;
  }
  if (!count(reply.error, "open", connection)) {
    f.cache.refused();
    if (f.handles.empty()) {
      world_.judge.ended(file, cache, now());
      f.cache.end();
    }
    if (reply.error == errc::delete_pending)
      co_await close_file(file); // a kept handle would delay the deletion
    co_return std::nullopt;
  }
  opened(file, reply.value, access);
  reply.value.granted.answer.sent();
  co_return reply.value.granted.open;
}

void client::opened(std::size_t file, const opened_file& result, std::uint32_t access) {
  auto& f = slot_of(file);
  const auto& granted = result.granted;
  f.cache.granted(granted.state);
  f.handles.push_back({granted.open, access, true});
  if (result.truncated) {
    ++world_.counts.overwrites;
    f.cache.fill(f.cache.ticket(), *result.truncated);
  }
  if (!traits_.uses_oplocks)
    return;
  if (known_opens_.size() == known_opens_max)
    known_opens_.pop_front();
  known_opens_.push_back({granted.open, f.cache.id()});
}

client::task<std::optional<client::open_id>> client::handle_for(
  std::size_t file, std::uint32_t access) {
  auto& f = slot_of(file);
  for (auto& h : f.handles)
    if (!h.in_use && (h.access & access) == access) {
      h.in_use = true;
      ++world_.counts.opens_kept;
      co_return h.open;
    }
  // With oplocks, keep one open per file, because a second open would break the first one's oplock.
  constexpr auto everything = access::read_data | access::write_data | access::delete_file;
  if (traits_.uses_oplocks) {
    co_await close_file(file);
    access = everything;
  }
  co_return co_await open(file, access, false, false);
}

client::task<void> client::close(std::size_t file, open_id open) {
  const auto alone = co_await slot_of(file).busy.lock();
  co_await close_locked(file, open);
}

client::task<void> client::close_locked(std::size_t file, open_id open) {
  auto& f = slot_of(file);
  const auto connection = connection_;
  const auto is_it = [open](const handle& h) { return h.open == open; };
  co_await flush_locked(file);
  const auto found = std::find_if(f.handles.begin(), f.handles.end(), is_it);
  if (found == f.handles.end())
    co_return; // it ended with the connection
  f.handles.erase(found);
  const auto cache = f.cache.id();
  const bool last = f.handles.empty();
  if (last)
    f.cache.end(); // before the server processes the close
  const auto reply = co_await world_.host.close(self(), file, open);
  count(reply.error, "close", connection);
  if (last)
    world_.judge.ended(file, cache, now());
}

client::task<void> client::close_file(std::size_t file) {
  while (!slot_of(file).handles.empty()) {
    const auto open = slot_of(file).handles.back().open;
    co_await close(file, open);
  }
}

void client::revoked(std::size_t file) {
  auto& f = slot_of(file);
  world_.judge.lost(file, number_, now());
  if (f.cache.id() != 0)
    world_.judge.ended(file, f.cache.id(), now());
  f.cache.lower(lease_state::none);
  f.cache.discard_dirty();
}

bool client::notice_deadline(std::size_t file) {
  auto& f = slot_of(file);
  if (!f.cache.expire(now()))
    return false;
  ++world_.counts.breaks_late;
  revoked(file);
  return true;
}

} // namespace leasebreak::simulated
