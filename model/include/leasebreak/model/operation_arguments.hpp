// What a server asks of a file, in the same form in a request to the coordinator and in the command
// of the file. The request adds the file's id; the command adds who asks and what identifies the
// answer.
#pragma once

#include <leasebreak/model/access.hpp>
#include <leasebreak/model/arguments.hpp>
#include <leasebreak/model/byte_range.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// How a file is opened (MS-FSA 2.1.5.1.2, MS-SMB2 3.3.5.9).
struct open_arguments {
  client_guid client{}; ///< The client: for the coordinator, a registered one.
  connection_id connection{}; ///< The connection of the request.
  std::string share{}; ///< The name of the share, for records and listings.
  std::uint32_t access = access::read_data; ///< The granted access; generic bits must be mapped.
  std::uint32_t share_access = share::all; ///< The share mode; bits of `share`.
  bool overwrites = false; ///< The disposition truncates an existing file.
  bool created = false; ///< This open has just created the file.
  bool is_directory = false; ///< The file is a directory.
  bool delete_on_close = false; ///< Delete the file when it is closed.
  std::optional<lease_request> lease{}; ///< The requested lease; if set, `oplock` is ignored.
  oplock_level oplock = oplock_level::none; ///< The requested oplock.
  lease_state caching_max = lease_state::rwh; ///< The most that the share allows to be cached.
  std::optional<durable_request> durable{}; ///< If set, keep the open when it is disconnected.
  bool reclaim = false; ///< Succeed only if a record of this lease was recovered.
  /// The open stands for an open of one of the file's named streams, which is a file of its own. It
  /// keeps the file in existence, and denies its deletion unless it shares that; it has no other
  /// effect. `access` must be for attributes only, and it cannot be durable. Open it before the
  /// stream, and close it after that.
  bool of_stream = false;
  /// With `of_stream`: the id of the stream's file. Operations that delete, replace or overwrite
  /// this file then ask the holders of caches of the stream, too. It must not change while the
  /// stream is open, also if the stream is renamed. Empty: the holders are not asked.
  std::string stream{};
  /// The current AllocationSize of the file. Byte-range locks at or beyond it do not limit what is
  /// granted, except in the file's first 4096 bytes.
  std::uint64_t allocation_size = unknown_allocation;
  /// The session, if the server has added its channels (`coordinator::add_channel`): the open lives
  /// as long as the session has a channel. None: the open ends with its connection.
  session_id session{};
  tree_id tree{}; ///< The tree connect of the session; the open ends with it (`async_end_tree`).
  /// The application of the open, if the client names one (MS-SMB2 3.3.5.9.13). When this open is
  /// granted or waits, opens of the same application on other clients end, whether or not they
  /// conflict with it. They end without a break and are reported through
  /// `coordinator_config::on_open_lost`. Only opens of the same share and path end; opens without a
  /// path count as having the same one. If one of these has a version that is not below this one's,
  /// the open fails with `errc::newer_instance`. A refused open ends nothing.
  std::optional<app_instance> instance{};
};

/// How an open is closed.
struct close_arguments {
  open_id open{}; ///< The open to close.
  bool keep_if_durable = false; ///< Its connection or session ended: keep a durable open.
  /// Ignore the open's delete-on-close, because the open is rolled back or is of a directory that
  /// is not empty (MS-FSA 2.1.5.5). A deletion that is already pending remains so.
  bool keep_file = false;
};

/// How a durable open is reconnected (MS-SMB2 3.3.5.9.7, 3.3.5.9.12).
struct reconnect_arguments {
  open_id open{}; ///< The disconnected open.
  client_guid client{}; ///< The client of the open: for the coordinator, a registered one.
  connection_id connection{}; ///< The new connection.
  std::optional<lease_key> key{}; ///< The key of the request's lease context, if it has one.
  std::optional<create_guid> guid{}; ///< V2: the CreateGuid of the request; not set for V1.
  session_id session{}; ///< As in `open_arguments`.
  tree_id tree{}; ///< As in `open_arguments`.
};

/// How a CREATE is replayed whose response the client has not seen (MS-SMB2 3.3.5.9.10).
struct replay_arguments {
  open_id open{}; ///< The open of the original request; the server finds it by the CreateGuid.
  client_guid client{}; ///< The client of the open: for the coordinator, a registered one.
  std::optional<lease_request> lease{}; ///< The lease of the replay; only its keys count.
  oplock_level oplock = oplock_level::none; ///< The oplock of the replay, without a lease.
  /// The connection of the replay; breaks of the open are sent on it from now on. None: the open
  /// stays on its connection.
  connection_id connection{};
};

/// What the server remembers with a persistent open (`durable_request::server_state`).
struct server_state_arguments {
  open_id open{}; ///< A persistent open.
  std::string server_state{}; ///< The new bytes, at most `limits::server_state_bytes`.
};

/// How an open is made resilient (MS-SMB2 3.3.5.15.9).
struct resilience_arguments {
  open_id open{}; ///< A connected open.
  /// While disconnected: more than zero, at most `limits::resilience_max`. Replaces an earlier one.
  duration timeout{};
};

/// Which byte-range locks are taken (MS-FSA 2.1.5.8, MS-SMB2 3.3.5.14.2).
struct lock_arguments {
  open_id open{}; ///< The owner of the locks.
  std::vector<lock_element> elements{}; ///< The locks to take, at least one.
  bool fail_immediately = true; ///< False, with one element: wait until the range is free.
  /// Detects replays: not executed if it equals the open's last one.
  std::optional<lock_sequence> sequence{};
  /// The current AllocationSize of the file. Elements at or beyond it break nothing, except in the
  /// file's first 4096 bytes.
  std::uint64_t allocation_size = unknown_allocation;
  /// The connection of the request, whose loss ends the wait. None: the wait ends with the open.
  connection_id connection{};
};

/// Which byte-range locks are released (MS-SMB2 3.3.5.14.1).
struct unlock_arguments {
  open_id open{}; ///< The owner of the locks.
  std::vector<byte_range> ranges{}; ///< The ranges to release, at least one.
  std::optional<lock_sequence> sequence{}; ///< Detects replays, as in `lock_arguments`.
};

/// Which recovered byte-range lock is reclaimed.
struct reclaim_lock_arguments {
  open_id open{}; ///< An open of the client that held the lock before the restart.
  std::string record_id{}; ///< The id of the record; if empty, `element` identifies the lock.
  lock_element element{}; ///< The range and kind of the lock.
};

/// What the holder of a lease keeps after a break (MS-SMB2 3.3.5.22.2).
struct lease_acknowledgement {
  client_guid client{}; ///< The holder.
  lease_key key{}; ///< The key of the lease.
  lease_state state = lease_state::none; ///< The state that the holder keeps.
};

/// What the holder of an oplock keeps after a break (MS-SMB2 3.3.5.22.1).
struct oplock_acknowledgement_arguments {
  client_guid client{}; ///< The holder.
  open_id open{}; ///< The open that has the oplock.
  oplock_level level = oplock_level::none; ///< The level that the holder keeps: level II or none.
};

/// Which access is announced, or which change of a directory has happened (MS-FSA 2.1.4.12).
struct access_arguments {
  access_kind kind = access_kind::read; ///< The kind of access.
  open_id open{}; ///< The open that makes the access; none: no open, or one of another file.
  /// The client that makes the access; zero if it is not an SMB client. A directory change breaks
  /// the client's own lease of the directory, too, unless `parent_key` is the key of that lease.
  /// The client is notified after `access_result::answer`.
  client_guid client{};
  /// For a directory change: the ParentLeaseKey of the open that made it.
  std::optional<lease_key> parent_key{};
  /// The connection of the request, whose loss ends the wait. If it is none and there is no `open`,
  /// only the loss of all connections of the client ends the wait.
  connection_id connection{};
  /// The session of the request; the wait ends with it or with the tree connect.
  session_id session{};
  tree_id tree{}; ///< The tree connect of the request.
};

/// Which bytes are about to be read or written.
struct io_arguments {
  open_id open{}; ///< The open that reads or writes.
  byte_range range{}; ///< The bytes that are read or written.
  bool is_write = false; ///< True for a write.
};

/// Which caches an operator has broken.
struct force_break_arguments {
  std::optional<client_guid> client{}; ///< If set, only leases and oplocks of this client.
  std::optional<lease_key> key{}; ///< If set, only leases with this key.
  lease_state keep = lease_state::none; ///< The state that the holders may keep.
  /// End breaks that are in progress at once, as if their deadlines had expired.
  bool ends_running = false;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
