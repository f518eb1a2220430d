// A coordinator with two clients, for tests: counting handlers, a way to run everything that is
// ready, and optionally a virtual clock.
#pragma once

#include <leasebreak/testing/driven_coordinator.hpp>
#include <leasebreak/testing/recording_sink.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {
class coordinator_impl;
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

namespace leasebreak::test {

namespace asio = boost::asio;
using testkit::probe;
using testkit::seen_break;

/// See above. The clients never answer by themselves.
class two_clients : public testkit::driven_coordinator {
public:
  enum class time {
    real, ///< The system's clock; with a store, its thread.
    driven, ///< Passes in `advance` only; nothing runs on another thread.
  };

  explicit two_clients(time kind = time::real, coordinator_config config = {});
  ~two_clients() override;

  /// Like `settle`, but repeats until `until` holds, because another thread takes part.
  void settle_until(const std::function<bool()>& until);
  static void wait_for(const std::function<bool()>& until);
  /// The coordinator's implementation, for tests that act as another of its threads.
  [[nodiscard]] detail::coordinator_impl& inside();
  [[nodiscard]] static detail::coordinator_impl& inside(coordinator& c);
  /// Whether the coordinator, on driven time, waits for a timeout.
  [[nodiscard]] bool has_timeout() const noexcept { return clock().next_timeout().has_value(); }

  // Shorter forms, which call `settle` and expect success.
  open_result open(const client_guid& client, const std::string& file, std::uint64_t key,
    lease_state want = lease_state::rwh);
  void close(const std::string& file, open_id open);
  /// Starts the coordinator, which recovers the store's records.
  start_result recover();

  [[nodiscard]] static open_request request(const client_guid& client, const std::string& file,
    std::uint64_t key, lease_state want = lease_state::rwh);

  static inline const client_guid alice = client_guid::of(0xa11ce);
  static inline const client_guid bob = client_guid::of(0xb0b);

  [[nodiscard]] auto token(probe& p) { return p.token(io.get_executor()); }

private:
  testkit::recording_sink of_alice_;
  testkit::recording_sink of_bob_;

public:
  std::deque<seen_break>& alice_saw = of_alice_.seen();
  std::deque<seen_break>& bob_saw = of_bob_.seen();
  asio::io_context& io = io_;
  std::deque<probe>& probes = probes_;
  std::unique_ptr<coordinator>& c = coordinator_;
};

} // namespace leasebreak::test
