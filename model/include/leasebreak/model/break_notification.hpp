// Breaks, as a server is told of them.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Why a break began.
enum class break_cause : std::uint8_t {
  open, ///< Another open.
  overwrite, ///< Another open that truncates.
  sharing_violation, ///< Another open that the share modes of this holder's opens exclude.
  write, ///< Data was written.
  lock, ///< A byte-range lock was taken.
  read, ///< Data was read without an open.
  /// The file or a directory above it is renamed, another file is renamed onto it, or it is linked.
  rename,
  remove, ///< The file is deleted.
  child_change, ///< The content of a directory changed.
  forced, ///< An operator requested it.
  security, ///< The file's security descriptor is set.
};

/// How a break ended.
enum class break_outcome : std::uint8_t {
  acknowledged, ///< The holder acknowledged it.
  closed, ///< The holder closed the file.
  timed_out, ///< The holder did not acknowledge in time.
  disconnected, ///< The holder's connection ended.
  undeliverable, ///< The notification could not be sent.
  immediate, ///< No acknowledgement was needed.
};

/// Returns the name of the value for logs and metrics, such as "sharing violation".
[[nodiscard]] std::string_view to_string(break_cause cause) noexcept;
/// Returns the name of the value for logs and metrics, such as "timed out".
[[nodiscard]] std::string_view to_string(break_outcome outcome) noexcept;

/// Tells a holder to release part of what it caches (MS-SMB2 2.2.23).
struct break_notification {
  break_id id{}; ///< Its number.
  /// How often this break was sent before. A break is sent again if its connection is lost or when
  /// the holder reconnects.
  std::uint32_t offer = 0;
  client_guid client; ///< The holder.
  /// The channels to try, in order of preference (MS-SMB2 3.3.4.6, 3.3.4.7): for a lease, the
  /// channel of the client's oldest open of this file that uses a lease; then the channels of the
  /// lease's or oplock's opens, the most recently used first. The coordinator appends the other
  /// channels of their sessions, and for a lease the client's other connections that have a
  /// session.
  std::vector<channel_id> channels;
  bool is_oplock = false; ///< An oplock is broken, not a lease.
  open_id open{}; ///< Oplock: its open. Lease: one of its opens.
  lease_key key; ///< Lease: its key. Oplock: zero.
  lease_state from = lease_state::none; ///< The state before the break.
  lease_state to = lease_state::none; ///< The state that the holder may keep.
  std::uint16_t epoch = 0; ///< NewEpoch; 0 for V1.
  bool ack_required = false; ///< The holder must acknowledge.
  break_cause cause = break_cause::open; ///< Why the break began.
  /// When the break began. The holder's deadline counts from when it is notified, which may be
  /// later.
  time_point issued{};

  friend bool operator==(const break_notification&, const break_notification&) = default;

  /// Returns the connection of the first channel, or none if `channels` is empty.
  [[nodiscard]] connection_id connection() const noexcept {
    return channels.empty() ? connection_id::none : channels.front().connection;
  }

  /// Returns the level that an oplock's holder may keep: level II or none.
  [[nodiscard]] oplock_level oplock_to() const noexcept { return oplock_of(to); }
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
