// The channels of one client: which sessions can be used on which of its connections
// (MS-SMB2 3.3.1.14), and where its break notifications go (MS-SMB2 3.3.4.6, 3.3.4.7).
#pragma once

#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace leasebreak {

/// A pure table. Not thread-safe.
class client_channels {
public:
  /// SESSION_SETUP has succeeded: a new session, or one more channel of one. `dialect` is the
  /// DialectRevision of the connection (MS-SMB2 2.2.4). A channel that is known stays what it is.
  /// Errors, and nothing changes: `errc::invalid_argument` if either id is none;
  /// `dialect_mismatch` (MS-SMB2 3.3.5.5.3, Client.Dialect); `too_many_channels` beyond `max`.
  [[nodiscard]] errc add(const channel_id& c, std::uint16_t dialect, std::size_t max);

  /// A connection is lost. Returns its sessions that have another channel, each with the oldest of
  /// these (MS-SMB2 3.3.7.1); the others have ended.
  std::vector<channel_id> lose(connection_id connection);

  /// A session has ended, on all its connections. False: it was not there.
  bool end(session_id session);

  /// All connections are lost.
  void clear() noexcept { channels_.clear(); }

  [[nodiscard]] bool has(const channel_id& c) const noexcept;
  [[nodiscard]] bool has(session_id session) const noexcept { return first_of(session) != nullptr; }

  /// On which channel a request of `c` goes on: `c` itself, or if that is lost another one of its
  /// session. Nothing if the session has ended.
  [[nodiscard]] std::optional<channel_id> successor_of(const channel_id& c) const noexcept;

  /// From where a lease's or oplock's opens are, the best first, makes where its notifications can
  /// go: these, without what is lost; then the other channels of their sessions, the oldest first;
  /// then, for a lease, the client's other connections that have a session. An oplock's names its
  /// open by an id that its session alone knows. Empty if the sessions of all of them have ended:
  /// nobody could answer. Channels without a session stay as they are.
  void complete(std::vector<channel_id>& channels, bool is_oplock) const;

private:
  struct entry {
    channel_id channel;
    std::uint16_t dialect = 0;
  };

  [[nodiscard]] const entry* first_of(session_id session) const noexcept;

  std::vector<entry> channels_; ///< As they came. Few, most often one.
};

} // namespace leasebreak
