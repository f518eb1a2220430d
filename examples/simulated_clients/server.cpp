#include "server.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <charconv>
#include <utility>

namespace leasebreak::simulated {

namespace asio = boost::asio;

namespace {

// The maximum time of a slow disk write. Most writes take no time, like writes into a cache.
constexpr auto disk_write_max = std::chrono::microseconds{500};
constexpr unsigned slow_disk_percent = 20;

// The maximum delay of a slow response to a client.
constexpr auto answer_delay_max = std::chrono::microseconds{300};
constexpr unsigned slow_answer_percent = 20;

} // namespace

std::string name_of(std::size_t file) {
  return "file-" + std::to_string(file);
}

std::size_t file_of(const std::string& name) {
  std::size_t file = 0;
  const auto* begin = name.data() + std::string_view{"file-"}.size();
  std::from_chars(begin, name.data() + name.size(), file);
  return file;
}

asio::awaitable<void> pause(duration d) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  timer.expires_after(d);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

server::server(leasebreak::coordinator& coordinator, server_disk& disk, operation_ledger& ledger,
  tally& counts, const sim_clock& clock, std::size_t files, faults injected)
  : coordinator_{coordinator}, disk_{disk}, ledger_{ledger}, counts_{counts}, clock_{clock},
    breaks_{std::make_unique<std::atomic<std::uint64_t>[]>(files)}, faults_{injected} {}

server::task<content> server::put(caller who, std::size_t file, stamp mark, hold until) {
  if (faults_.early_release)
    until.release();
  if (chance(*who.random, slow_disk_percent))
    co_await pause(up_to(*who.random, disk_write_max));
  const auto now = disk_.write(file, who.number, mark);
  until.release();
  co_return now;
}

server::task<answer<opened_file>> server::open(
  caller who, open_request request, stamp truncated, slot cancel) {
  const auto file = file_of(request.file);
  const auto breaks_before = breaks_[file].load();
  const auto began = clock_.now();
  auto reply = co_await tracked<open_result>(ledger_, operation_kind::open, cancel,
    [&](auto handler) { coordinator_.async_open(std::move(request), std::move(handler)); });
  const auto took = clock_.now() - began;
  counts_.all_opens.add(took);
  if (breaks_[file] != breaks_before)
    counts_.waited_opens.add(took);
  answer<opened_file> result;
  result.error = reply.error;
  if (faults_.early_answers)
    reply.value.answer.sent();
  if (reply && reply.value.hold)
    result.value.truncated = co_await put(who, file, truncated, std::move(reply.value.hold));
  else if (faults_.early_answers || chance(*who.random, slow_answer_percent))
    co_await pause(up_to(*who.random, answer_delay_max));
  result.value.granted = std::move(reply.value);
  co_return result;
}

server::task<answer<server::nothing>> server::close(caller who, std::size_t file, open_id open) {
  close_request request{name_of(file), open};
  auto reply = co_await tracked<close_result>(ledger_, operation_kind::close, {},
    [&](auto handler) { coordinator_.async_close(std::move(request), std::move(handler)); });
  if (reply && reply.value.delete_file) {
    co_await put(who, file, disk_.next_stamp(), std::move(reply.value.hold));
    ++counts_.deletes;
  }
  co_return answer<nothing>{reply.error, {}};
}

server::task<answer<hold>> server::announce(
  caller who, std::size_t file, access_kind kind, open_id open, slot cancel) {
  access_request request;
  request.file = name_of(file);
  request.kind = kind;
  request.open = open;
  request.client = who.guid;
  auto allowed = co_await tracked<access_result>(ledger_, operation_kind::access, cancel,
    [&](auto handler) { coordinator_.async_access(std::move(request), std::move(handler)); });
  co_return answer<hold>{allowed.error, std::move(allowed.value.hold)};
}

server::task<answer<content>> server::read(caller who, std::size_t file, open_id open) {
  answer<content> result;
  if (open == open_id::none) {
    result.error = (co_await announce(who, file, access_kind::read, open)).error;
  } else if (chance(*who.random, 20)) {
    // Only mandatory locks affect a read through an open; most clients hold none.
    io_request request{name_of(file), open, {0, 4096}, false};
    const auto reply = co_await tracked<nothing>(ledger_, operation_kind::check_io, {},
      [&](auto handler) { coordinator_.async_check_io(std::move(request), std::move(handler)); });
    result.error = reply.error;
  }
  if (result)
    result.value = disk_.read(file);
  co_return result;
}

server::task<answer<content>> server::write(
  caller who, std::size_t file, open_id open, stamp mark) {
  answer<hold> allowed;
  if (!chance(*who.random, faults_.unannounced_writes_percent))
    allowed = co_await announce(who, file, access_kind::write, open);
  answer<content> result;
  result.error = allowed.error;
  if (result)
    result.value = co_await put(who, file, mark, std::move(allowed.value));
  co_return result;
}

server::task<answer<server::nothing>> server::lock(
  caller, std::size_t file, open_id open, lock_element element, bool wait, slot cancel) {
  lock_request request;
  request.file = name_of(file);
  request.open = open;
  request.elements.push_back(element);
  request.fail_immediately = !wait;
  const auto reply = co_await tracked<std::size_t>(ledger_, operation_kind::lock, cancel,
    [&](auto handler) { coordinator_.async_lock(std::move(request), std::move(handler)); });
  co_return answer<nothing>{reply.error, {}};
}

server::task<answer<server::nothing>> server::unlock(
  caller, std::size_t file, open_id open, byte_range range) {
  unlock_request request;
  request.file = name_of(file);
  request.open = open;
  request.ranges.push_back(range);
  const auto reply = co_await tracked<std::size_t>(ledger_, operation_kind::unlock, {},
    [&](auto handler) { coordinator_.async_unlock(std::move(request), std::move(handler)); });
  co_return answer<nothing>{reply.error, {}};
}

server::task<answer<server::nothing>> server::change(
  caller who, std::size_t file, access_kind kind, open_id open, slot cancel) {
  const auto allowed = co_await announce(who, file, kind, open, cancel);
  if (allowed && chance(*who.random, slow_disk_percent))
    co_await pause(up_to(*who.random, disk_write_max));
  co_return answer<nothing>{allowed.error, {}};
}

server::task<answer<lease_state>> server::acknowledge(lease_acknowledgement a) {
  co_return co_await tracked<lease_state>(ledger_, operation_kind::acknowledge, {},
    [&](auto handler) { coordinator_.async_acknowledge(a, std::move(handler)); });
}

server::task<answer<lease_state>> server::acknowledge(oplock_acknowledgement a) {
  const auto reply = co_await tracked<oplock_level>(ledger_, operation_kind::acknowledge, {},
    [&](auto handler) { coordinator_.async_acknowledge(a, std::move(handler)); });
  co_return answer<lease_state>{reply.error, state_of(reply.value)};
}

server::task<answer<server::nothing>> server::disconnect(caller who, disconnect_request request) {
  auto reply = co_await tracked<disconnect_result>(ledger_, operation_kind::disconnect, {},
    [&](auto handler) { coordinator_.async_disconnect(request, std::move(handler)); });
  for (auto& last : reply.value.to_delete) {
    co_await put(who, file_of(last.file), disk_.next_stamp(), std::move(last.hold));
    ++counts_.deletes;
  }
  co_return answer<nothing>{reply.error, {}};
}

void server::register_client(client_guid guid, std::string label, break_sink sink,
  asio::any_io_executor executor, std::uint64_t seed) {
  auto random = std::make_shared<random_source>(seed);
  const auto failure = coordinator_.register_client(
    guid,
    [this, random, sink = std::move(sink)](
      const break_notification& n, const file_name_id& file, break_report report) {
      if (n.ack_required)
        ++breaks_[file_of(file)];
      if (chance(*random, faults_.lost_notifications_percent))
        ++counts_.breaks_lost;
      else
        sink(n, file, std::move(report));
    },
    std::move(label), std::move(executor));
  if (failure)
    counts_.unexpected("register_client: " + failure.message());
}

} // namespace leasebreak::simulated
