// Sessions and tree connects (MS-SMB2 3.3.1.8, 3.3.1.9).
#pragma once

#include <smb_server/auth/gss_acceptor.hpp>
#include <smb_server/crypto/digest.hpp>
#include <smb_server/crypto/sealing.hpp>
#include <smb_server/open.hpp>
#include <smb_server/options.hpp>
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
};

/// A client's use of a share.
struct tree {
  std::uint32_t id = 0;
  std::shared_ptr<const served_share> share; ///< Null for IPC$.
};

/// A user on a connection. Belongs to the connection's strand.
struct session {
  std::uint64_t id = 0;
  bool valid = false; ///< Set up.
  std::string user;
  std::unique_ptr<gss_acceptor> acceptor; ///< While being set up.
  bool step_running = false; ///< A token is being looked at, off the strand.
  std::optional<key16> key; ///< Signs its messages.
  signing_algorithm algorithm = signing_algorithm::aes_cmac;
  std::optional<sealing_keys> sealing; ///< If encryption was negotiated.
  std::uint64_t sealed = 0; ///< Frames encrypted; the number is each one's nonce.
  std::shared_ptr<preauth_hash> hash; ///< 3.1.1, while being set up.
  std::map<std::uint32_t, tree_ptr> trees;
  std::uint32_t next_tree = 1;
};

using session_ptr = std::shared_ptr<session>;

} // namespace leasebreak::smb
