// The server's state of an open of a file (MS-SMB2 3.3.1.10).
#pragma once

#include <smb_server/session/channel_sequence.hpp>
#include <smb_server/session/user_shares.hpp>
#include <smb_server/vfs/vfs.hpp>
#include <smb_server/wire/create.hpp>
#include <smb_server/wire/durable.hpp>

#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>
#include <leasebreak/requests.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace leasebreak::smb {

class stored_state;
class watch;
struct tree;
using tree_ptr = std::shared_ptr<tree>;

/// An open. Belongs to its session's strand. A waiting request may resume after the open was
/// closed. Requests therefore share its ownership, and its resources live until the last of them
/// ends.
struct open {
  open() = default;
  /// Closes the file, on another thread if that may block.
  ~open();
  open(const open&) = delete;
  open& operator=(const open&) = delete;

  file_id id; ///< The client's id.
  open_id handle{}; ///< The coordinator's id.
  file_name_id file; ///< The file's id at the coordinator.
  vfs::open_ptr vfs_open; ///< Not null after the file is opened.
  tree_ptr tree_connect;
  std::uint64_t session_id = 0;
  channel_sequence sequence;
  std::uint32_t access = 0; ///< Granted.
  std::uint32_t options = 0; ///< CreateOptions.
  std::string path; ///< Share and name, for logs.
  bool is_directory = false;
  bool is_stream = false;
  file_name_id base_file; ///< The id of a stream's file at the coordinator.
  open_id base_handle{}; ///< The open of that file, which stands for the stream's open.
  std::optional<lease_key> lease;
  std::optional<lease_key> parent_key; ///< ParentLeaseKey of the CREATE, if any.
  leasebreak::client_guid client;
  std::string user; ///< The user that opened it.
  taken_share place; ///< Counts among the user's opens.
  taken_share locks; ///< Byte-range locks, counted among the user's locks.
  std::string name; ///< As the client named it.
  vfs::create_action action = vfs::create_action::opened; ///< What its CREATE did.
  /// The CreateGuid, until the client uses the open. Until then the client may replay the CREATE.
  std::optional<guid> create_guid;
  std::atomic<bool> is_replayable{false}; ///< It has a `create_guid`. Thread-safe.
  std::optional<durable_query> durable; ///< If granted, the open survives its connection.
  /// The open survives its connection, for the time that the client requested.
  bool resilient = false;
  /// For a persistent open, the state that a restart recovers.
  std::shared_ptr<stored_state> stored;
  std::uint64_t allocation = 0; ///< `commands::locked_end` at the time of the open.
  bool wrote = false; ///< Reported to its directory on close.
  std::uint64_t position = 0; ///< FilePositionInformation: the end of the last read or write.

  std::shared_ptr<smb::watch> watch; ///< From the first CHANGE_NOTIFY on.
  bool has_instance = false; ///< Another client with the same AppInstanceId may end it.

  // The listing in progress, for directories.
  vfs::cursor_ptr cursor;
  bool listed_any = false;

  [[nodiscard]] bool may(std::uint32_t bits) const noexcept { return (access & bits) != 0; }
  [[nodiscard]] bool may_be_kept() const noexcept { return durable || resilient; }
  /// Whether others than its connection look for it, see `kept_opens::attach`.
  [[nodiscard]] bool is_attached() const noexcept { return may_be_kept() || has_instance; }
};

using open_ptr = std::shared_ptr<open>;

} // namespace leasebreak::smb
