// Sessions, their channels, and tree connects (MS-SMB2 3.3.1.8, 3.3.1.9, 3.3.1.14).
#pragma once

#include <smb_server/auth/logon.hpp>
#include <smb_server/crypto/digest.hpp>
#include <smb_server/crypto/sealing.hpp>
#include <smb_server/opens/open.hpp>
#include <smb_server/options.hpp>
#include <smb_server/session/channel_group.hpp>
#include <smb_server/session/user_shares.hpp>
#include <smb_server/vfs/vfs.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace leasebreak::smb {

/// An exported directory.
struct served_share {
  std::string name;
  vfs::async_share files;
  share_options options{};
  const served_share* whole = nullptr; ///< The share of the server, if this is a client's copy.

  /// Identifies the share. Equal for all clients.
  [[nodiscard]] const void* id() const noexcept { return whole != nullptr ? whole : this; }

  /// Returns a copy whose disk operations use the lane.
  [[nodiscard]] std::shared_ptr<const served_share> in(vfs::pool_lane lane) const {
    return std::make_shared<const served_share>(
      served_share{name, files.in(lane), options, whole != nullptr ? whole : this});
  }

  /// Identifies the directory. Equal for all shares of one directory.
  [[nodiscard]] const void* place() const noexcept { return files.core().get(); }

  /// The same for the coordinator. Short enough for the string's internal buffer.
  [[nodiscard]] std::string root() const {
    return std::to_string(reinterpret_cast<std::uintptr_t>(place()));
  }
};

/// A tree connect: a client's use of a share.
struct tree {
  std::uint32_t id = 0;
  std::shared_ptr<const served_share> share; ///< Null for IPC$.
};

/// A session of a client, on one connection or several. Belongs to the strand of its group, except
/// for constant members.
struct session {
  session(channel_group_ptr where, const leasebreak::client_guid& whose, smb::dialect spoken,
    signing_algorithm signs, smb::cipher encrypts)
    : group{std::move(where)}, client{whose}, dialect{spoken}, algorithm{signs}, cipher{encrypts} {}

  const channel_group_ptr group;
  const leasebreak::client_guid client;
  const smb::dialect dialect;
  const signing_algorithm algorithm; ///< For `key`.
  const smb::cipher cipher;
  std::uint64_t id = 0; ///< Set once, before the session is shared.
  bool valid = false; ///< Set up.
  bool signing_required = false; ///< The client requires signing of all messages.
  std::string user;
  user_share share; ///< The counters of the user, for all of its sessions. Set with `user`.
  std::size_t channels = 0; ///< The session ends with the last channel.
  std::optional<key16> key; ///< `Session.SigningKey`; for binding further channels.
  std::optional<sealing_keys> sealing; ///< If encryption was negotiated.
  std::uint64_t sealed = 0; ///< Number of encrypted frames; also the nonce of each.
  std::map<std::uint32_t, tree_ptr> trees;
  std::uint32_t next_tree = 1;
};

using session_ptr = std::shared_ptr<session>;

/// The coordinator's ids for a session and a tree connect.
[[nodiscard]] inline session_id id_of(const session& s) noexcept {
  return static_cast<session_id>(s.id);
}
[[nodiscard]] inline tree_id id_of(const tree& t) noexcept {
  return static_cast<tree_id>(t.id);
}

/// A session on a connection. Belongs to the strand of the group.
struct channel {
  explicit channel(session_ptr whose) : of{std::move(whose)} {}

  const session_ptr of;
  bool counted = false; ///< Included in the session's `channels`.
  bool valid = false; ///< Set up: the connection may use the session.
  std::unique_ptr<smb::logon> logon; ///< During setup and reauthentication.
  std::shared_ptr<preauth_hash> hash; ///< For 3.1.1, during setup.
  /// Signs the channel's messages. While the channel is being bound, the session's key.
  std::optional<key16> key;
  signing_algorithm algorithm = signing_algorithm::aes_cmac;
};

using channel_ptr = std::shared_ptr<channel>;

} // namespace leasebreak::smb
