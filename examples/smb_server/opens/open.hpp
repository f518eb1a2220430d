// One open of a file by a client (MS-SMB2 3.3.1.10), as the server sees it.
#pragma once

#include <smb_server/session/channel_sequence.hpp>
#include <smb_server/session/user_shares.hpp>
#include <smb_server/vfs/vfs.hpp>
#include <smb_server/wire/create.hpp>
#include <smb_server/wire/durable.hpp>

#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>
#include <leasebreak/requests.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace leasebreak::smb {

class stored_state;
class watch;
struct tree;
using tree_ptr = std::shared_ptr<tree>;

/// State of an open. Belongs to its session's strand. A request that waits may come back to one
/// that has been closed meanwhile: what it needs of it stays until the last of them lets go.
struct open {
  open() = default;
  /// Closes the file, where that may block.
  ~open();
  open(const open&) = delete;
  open& operator=(const open&) = delete;

  file_id id; ///< What the client calls it.
  open_id handle{}; ///< What the coordinator calls it.
  file_name_id file; ///< The file, for the coordinator.
  vfs::open_ptr vfs_open; ///< Never null once the file is open.
  tree_ptr tree_connect;
  std::uint64_t session_id = 0;
  channel_sequence sequence;
  std::uint32_t access = 0; ///< Granted.
  std::uint32_t options = 0; ///< CreateOptions.
  std::string path; ///< As the client named it, for logs.
  bool is_directory = false;
  bool is_stream = false;
  file_name_id base_file; ///< A stream's file, for the coordinator ...
  open_id base_handle{}; ///< ... and what stands for the stream's open there.
  std::optional<lease_key> lease;
  std::optional<lease_key> parent_key; ///< The ParentLeaseKey of its create, if it gave one.
  leasebreak::client_guid client;
  std::string user; ///< Who opened it.
  taken_share place; ///< Among the user's opens.
  taken_share locks; ///< Byte-range locks, among those of the user.
  std::string name; ///< As the client named it.
  vfs::create_action action = vfs::create_action::opened; ///< What its CREATE did.
  /// Of a CREATE that may come again: the client has not yet used the open.
  std::optional<guid> create_guid;
  std::optional<durable_query> durable; ///< Granted: it is kept when its connection goes.
  bool resilient = false; ///< So it is, for the time that its client has asked for.
  std::shared_ptr<stored_state> stored; ///< Persistent: what a restart finds of it.
  std::uint64_t allocation = 0; ///< AllocationSize when it was opened.
  bool wrote = false; ///< Its directory learns of the writes when it closes.
  std::uint64_t position = 0; ///< FilePositionInformation: behind the last read or write.

  std::shared_ptr<smb::watch> watch; ///< From its first CHANGE_NOTIFY on.
  bool has_instance = false; ///< Of an application that may open it on another client.

  // The listing in progress, for directories.
  vfs::cursor_ptr cursor;
  bool listed_any = false;

  [[nodiscard]] bool may(std::uint32_t bits) const noexcept { return (access & bits) != 0; }
  [[nodiscard]] bool may_be_kept() const noexcept { return durable || resilient; }
};

using open_ptr = std::shared_ptr<open>;

} // namespace leasebreak::smb
