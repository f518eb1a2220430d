#include "local_process.hpp"

#include <chrono>
#include <string>

namespace leasebreak::simulated {

boost::asio::awaitable<void> local_process::work() {
  while (!world_.stopping) {
    co_await pause(up_to(random_, std::chrono::milliseconds{20}));
    co_await one_operation();
  }
}

boost::asio::awaitable<void> local_process::one_operation() {
  const caller self{number_, {}, &random_};
  const std::size_t file = random_() % world_.files;
  const auto what = random_() % 100;
  if (what < 60) {
    const auto began = world_.host.clock().now();
    const auto reply = co_await world_.host.read(self, file, open_id::none);
    count(reply.error, "local read");
    if (!reply)
      co_return;
    ++world_.counts.local_reads;
    world_.judge.read({file, number_, 0, reply.value, began, false});
  } else if (what < 90) {
    const auto mark = world_.host.disk().next_stamp();
    const auto reply = co_await world_.host.write(self, file, open_id::none, mark);
    count(reply.error, "local write");
    if (reply)
      ++world_.counts.local_writes;
  } else {
    constexpr access_kind kinds[] = {
      access_kind::rename, access_kind::replace, access_kind::rename_ancestor, access_kind::unlink};
    const auto reply =
      co_await world_.host.change(self, file, kinds[random_() % std::size(kinds)], open_id::none);
    count(reply.error, "local change");
    if (reply)
      ++world_.counts.local_others;
  }
}

void local_process::count(errc e, const char* what) {
  switch (e) {
  case errc::success:
    break;
  case errc::access_denied:
  case errc::delete_pending:
  case errc::sharing_violation:
  case errc::break_timed_out:
  case errc::too_many_waiting:
    world_.counts.failed(e);
    break;
  default:
    world_.counts.unexpected(std::string{what} + ": " + to_string(e));
    break;
  }
}

} // namespace leasebreak::simulated
