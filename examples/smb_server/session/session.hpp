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

/// A directory that is served under a name.
struct served_share {
  std::string name;
  vfs::async_share files;
  share_options options{};
  const served_share* whole = nullptr; ///< What this is one client's use of.

  /// Stands for the share: the same for all clients.
  [[nodiscard]] const void* id() const noexcept { return whole != nullptr ? whole : this; }

  /// The share, whose operations on the disk are those of the lane.
  [[nodiscard]] std::shared_ptr<const served_share> in(vfs::pool_lane lane) const {
    return std::make_shared<const served_share>(
      served_share{name, files.in(lane), options, whole != nullptr ? whole : this});
  }

  /// Stands for its directory: the same for all shares that have it.
  [[nodiscard]] const void* place() const noexcept { return files.core().get(); }

  /// The same for the coordinator; short enough to need no memory of its own.
  [[nodiscard]] std::string root() const {
    return std::to_string(reinterpret_cast<std::uintptr_t>(place()));
  }
};

/// A client's use of a share.
struct tree {
  std::uint32_t id = 0;
  std::shared_ptr<const served_share> share; ///< Null for IPC$.
};

/// A user of a client, on one connection or several. Belongs to the strand of their group, but for
/// what never changes.
struct session {
  session(channel_group_ptr where, const leasebreak::client_guid& whose, smb::dialect spoken,
    signing_algorithm signs, smb::cipher encrypts)
    : group{std::move(where)}, client{whose}, dialect{spoken}, algorithm{signs}, cipher{encrypts} {}

  const channel_group_ptr group;
  const leasebreak::client_guid client;
  const smb::dialect dialect;
  const signing_algorithm algorithm; ///< Of `key`.
  const smb::cipher cipher;
  std::uint64_t id = 0; ///< Set once, before anybody else knows the session.
  bool valid = false; ///< Set up.
  bool signing_required = false; ///< By its client, for all that it sends.
  std::string user;
  user_share share; ///< What the user holds, in all of its sessions; set with `user`.
  std::size_t channels = 0; ///< It ends with the last.
  std::optional<key16> key; ///< Signs what binds further channels; `Session.SigningKey`.
  std::optional<sealing_keys> sealing; ///< If encryption was negotiated.
  std::uint64_t sealed = 0; ///< Frames encrypted; the number is each one's nonce.
  std::map<std::uint32_t, tree_ptr> trees;
  std::uint32_t next_tree = 1;
};

using session_ptr = std::shared_ptr<session>;

/// What the coordinator calls the session, and a tree connect of it.
[[nodiscard]] inline session_id id_of(const session& s) noexcept {
  return static_cast<session_id>(s.id);
}
[[nodiscard]] inline tree_id id_of(const tree& t) noexcept {
  return static_cast<tree_id>(t.id);
}

/// A session on a connection. Belongs to the strand of their group.
struct channel {
  explicit channel(session_ptr whose) : of{std::move(whose)} {}

  const session_ptr of;
  bool counted = false; ///< It is one of the session's `channels`.
  bool valid = false; ///< Set up: the session may be used through it.
  std::unique_ptr<smb::logon> logon; ///< While being set up, or authenticated again.
  std::shared_ptr<preauth_hash> hash; ///< 3.1.1, while being set up.
  /// Signs its messages; while it is being bound, the session's.
  std::optional<key16> key;
  signing_algorithm algorithm = signing_algorithm::aes_cmac;
};

using channel_ptr = std::shared_ptr<channel>;

} // namespace leasebreak::smb
