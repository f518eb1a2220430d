#include <smb_server/opens/stored_state.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::smb {

namespace asio = boost::asio;

namespace {

std::string with_backslashes(std::string name) {
  std::replace(name.begin(), name.end(), '/', '\\');
  return name;
}

} // namespace

stored_state::stored_state(file_name_id file, open_id handle, persistent_state state)
  : file_{std::move(file)}, handle_{handle}, state_{std::move(state)} {}

asio::awaitable<error_code> stored_state::expect_rename(
  coordinator& c, std::string from, std::string to) {
  // A named value: g++ 12 destroys such a temporary twice within co_await.
  std::function<void(persistent_state&)> change = [&from, &to](persistent_state& s) {
    s.name = with_backslashes(to);
    s.name_before = with_backslashes(from);
  };
  co_return co_await update(c, std::move(change));
}

asio::awaitable<error_code> stored_state::set_position(coordinator& c, std::uint64_t position) {
  {
    const std::lock_guard lock{mutex_};
    if (state_.position == position)
      co_return error_code{};
  }
  std::function<void(persistent_state&)> change = [position](
                                                    persistent_state& s) { s.position = position; };
  co_return co_await update(c, std::move(change));
}

void stored_state::note_position(coordinator& c, std::uint64_t position) {
  const std::lock_guard lock{mutex_};
  if (state_.position == position)
    return;
  state_.position = position;
  c.async_set_server_state({file_, handle_, to_bytes(state_)}, asio::detached);
}

// Changes are sent to the record under the lock, which preserves their order.
asio::awaitable<error_code> stored_state::update(
  coordinator& c, std::function<void(persistent_state&)> change) {
  const auto start = [this, &c, &change](auto handler) {
    const std::lock_guard lock{mutex_};
    change(state_);
    c.async_set_server_state({file_, handle_, to_bytes(state_)}, std::move(handler));
  };
  auto token = asio::as_tuple(asio::use_awaitable);
  auto [error] = co_await asio::async_initiate<decltype(token), void(error_code)>(start, token);
  co_return error;
}

} // namespace leasebreak::smb
