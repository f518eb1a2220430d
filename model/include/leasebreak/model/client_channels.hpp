// The channels of one client: the sessions that are bound to each of its connections (MS-SMB2
// 3.3.1.14), and the channels that its break notifications may use (MS-SMB2 3.3.4.6, 3.3.4.7).
#pragma once

#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The table of a client's channels. It has no side effects. Not thread-safe.
class client_channels {
public:
  /// Adds a channel after a successful SESSION_SETUP: the first one of a new session, or another
  /// one of an existing session. `dialect` is the DialectRevision of the connection (MS-SMB2
  /// 2.2.4). A channel that is in the table already keeps its dialect.
  ///
  /// Errors, all without effect: `errc::invalid_argument` if either id is none; `dialect_mismatch`
  /// (MS-SMB2 3.3.5.5.3, Client.Dialect); `too_many_channels` if the table would exceed `max`.
  [[nodiscard]] errc add(const channel_id& c, std::uint16_t dialect, std::size_t max);

  /// Removes a lost connection. Returns those of its sessions that have another channel, each with
  /// its oldest remaining channel (MS-SMB2 3.3.7.1). The other sessions have ended.
  std::vector<channel_id> lose(connection_id connection);

  /// Removes a session that has ended from all its connections. Returns false if it is unknown.
  bool end(session_id session);

  /// Removes all connections.
  void clear() noexcept { channels_.clear(); }

  /// Returns whether the table contains the channel.
  [[nodiscard]] bool has(const channel_id& c) const noexcept;
  /// Returns whether the session has a channel.
  [[nodiscard]] bool has(session_id session) const noexcept { return first_of(session) != nullptr; }

  /// Returns the channel on which a request that came on `c` continues: `c` itself, or another
  /// channel of the same session if `c` is lost. Returns nothing if the session has ended.
  [[nodiscard]] std::optional<channel_id> successor_of(const channel_id& c) const noexcept;

  /// Completes the list of channels to which a notification may be sent. `channels` holds the
  /// channels of the lease's or oplock's opens on entry, the preferred one first. On return it
  /// holds, in this order:
  /// - the given channels, except lost ones;
  /// - the other channels of their sessions, oldest first;
  /// - for a lease, the client's other connections that have a session. Not for an oplock, because
  ///   only its own session knows the id of its open.
  ///
  /// The list is empty if all sessions have ended, because no acknowledgement could arrive.
  /// Channels without a session are kept.
  void complete(std::vector<channel_id>& channels, bool is_oplock) const;

private:
  struct entry {
    channel_id channel;
    std::uint16_t dialect = 0;
  };

  [[nodiscard]] const entry* first_of(session_id session) const noexcept;

  std::vector<entry> channels_; ///< In the order of arrival. Few, usually one.
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
