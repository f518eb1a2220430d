// A client of a server under test, which opens files and answers breaks as a test tells it.
#pragma once

#include <leasebreak/coordinator.hpp>
#include <leasebreak/testing/driven_coordinator.hpp>
#include <leasebreak/testing/probe.hpp>
#include <leasebreak/testing/recording_sink.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

/// What a fake client does when it is told of a break.
enum class break_answer : std::uint8_t {
  obeys, ///< Acknowledges at once, and keeps all that the break leaves.
  releases, ///< Acknowledges at once, and keeps nothing.
  waits, ///< Does nothing; the test calls `acknowledge`, or the break expires.
  is_unreachable, ///< The notification cannot be delivered.
};

/// A registered client, which holds the opens of a test. It plays the part of all other clients of
/// a server under test: the operations go to the coordinator, not through the server.
///
/// Not thread-safe. The coordinator must exist as long as this object is used; its destructor uses
/// nothing, and leaves the client registered.
class fake_client {
public:
  /// Registers the client. Throws `boost::system::system_error` if the coordinator refuses it,
  /// because the id is zero or exists already.
  explicit fake_client(
    driven_coordinator& with, const client_guid& guid, const std::string& label = {});

  /// Returns the client's id.
  [[nodiscard]] const client_guid& guid() const noexcept { return guid_; }

  /// Sets what the client does when it is told of further breaks. At first, it obeys.
  void answer_breaks_with(break_answer how) noexcept { *how_ = how; }
  /// Returns the breaks that the client was told of, oldest first. The caller may remove entries.
  [[nodiscard]] std::deque<seen_break>& breaks() noexcept { return sink_.seen(); }

  /// Returns a request of this client that opens `file` for reading and writing, and asks for a
  /// lease with this key, which must not be zero.
  [[nodiscard]] open_request request(
    const file_name_id& file, const lease_key& key, lease_state want = lease_state::rwh) const;
  /// Starts to open `file` with a lease. The open waits if other holders must release what they
  /// cache.
  probe& start_open(
    const file_name_id& file, const lease_key& key, lease_state want = lease_state::rwh);
  /// Opens `file` with a lease, settles, and returns the result. Throws
  /// `boost::system::system_error` if the open fails, and `std::logic_error` if it waits.
  open_result open(
    const file_name_id& file, const lease_key& key, lease_state want = lease_state::rwh);
  /// Closes an open, settles, and returns the result. Throws as `open`.
  close_result close(const file_name_id& file, open_id open);

  /// Acknowledges a break; the client keeps `keeps`. Returns the probe of the operation, or null if
  /// the break needs no acknowledgement.
  probe* acknowledge(const seen_break& broken, lease_state keeps);
  /// Starts to disconnect the client: all of its connections are lost.
  probe& disconnect();

private:
  driven_coordinator& with_;
  client_guid guid_;
  recording_sink sink_;
  std::shared_ptr<break_answer> how_ = std::make_shared<break_answer>(break_answer::obeys);
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit
