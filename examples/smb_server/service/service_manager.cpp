// See service_manager.hpp.
#include <smb_server/service/service_manager.hpp>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace leasebreak::smb {

namespace {

std::string_view environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

int connect_to(std::string_view path) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
    return -1;
  std::memcpy(to.sun_path, path.data(), path.size());
  if (path[0] == '@')
    to.sun_path[0] = '\0'; // Linux's abstract names
  const int made = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (made >= 0 && ::connect(made, reinterpret_cast<const sockaddr*>(&to), size) != 0) {
    ::close(made);
    return -1;
  }
  constexpr timeval patience{1, 0}; // a manager that hangs must not hang the server
  if (made >= 0)
    ::setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return made;
}

} // namespace

service_manager::service_manager() : socket_{connect_to(environment("NOTIFY_SOCKET"))} {
  const auto meant_for = number_of(environment("WATCHDOG_PID"));
  const auto within = number_of(environment("WATCHDOG_USEC"));
  if (socket_ >= 0 && (meant_for == 0 || meant_for == static_cast<std::uint64_t>(::getpid())))
    watchdog_ = std::chrono::microseconds{within / 2};
}

service_manager::~service_manager() {
  if (socket_ >= 0)
    ::close(socket_);
}

/// systemd compares the time with that of its own request, so that it knows this reload from an
/// earlier one.
void service_manager::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto us = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
    static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us));
}

void service_manager::send(const std::string& text) const noexcept {
  if (socket_ >= 0)
    static_cast<void>(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL));
}

} // namespace leasebreak::smb
