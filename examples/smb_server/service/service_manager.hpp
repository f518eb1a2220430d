// Tells the service manager (systemd) what the process is doing, by sd_notify's protocol.
#pragma once

#include <chrono>
#include <string>

namespace leasebreak::smb {

/// Sends each message as one datagram to the socket that the environment names. Without one, and if
/// sending fails, it does nothing. Not thread-safe.
class service_manager {
public:
  /// Takes NOTIFY_SOCKET and WATCHDOG_USEC from the environment.
  service_manager();
  ~service_manager();
  service_manager(const service_manager&) = delete;
  service_manager& operator=(const service_manager&) = delete;

  /// It serves, or serves with the new configuration.
  void ready(const std::string& status) { send("READY=1\nSTATUS=" + status); }
  void reloading();
  void stopping() { send("STOPPING=1"); }
  void alive() { send("WATCHDOG=1"); }

  /// How often `alive` must be called; zero: never.
  [[nodiscard]] std::chrono::microseconds watchdog() const noexcept { return watchdog_; }

private:
  void send(const std::string& text) const noexcept;

  int socket_ = -1;
  std::chrono::microseconds watchdog_{0};
};

} // namespace leasebreak::smb
