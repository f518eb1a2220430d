// What a listing contains.
#pragma once

#include <leasebreak/model/arguments.hpp>
#include <leasebreak/model/byte_range.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_info.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The kind of a listed entry.
enum class entry_kind : std::uint8_t {
  open, ///< An open, connected or not.
  lease, ///< A lease.
  oplock, ///< An oplock.
  byte_range_lock, ///< A byte-range lock.
  waiting, ///< A pending operation.
  recovered ///< A record of a lease, oplock or lock that may still be reclaimed.
};

/// Returns the name of the value for listings, such as "byte-range lock".
[[nodiscard]] std::string_view to_string(entry_kind kind) noexcept;

/// One line of a listing: a thing that is held or breaking, or a pending operation with the reason
/// for its wait.
struct listed_entry {
  entry_kind kind{}; ///< The kind of the entry.
  std::string file_id; ///< The file's id.
  client_guid client; ///< The client.
  std::string label; ///< The client's label; filled in by the coordinator. Empty: not registered.
  std::string owner_id; ///< As in the record.
  std::string share; ///< The name of the share.
  /// open: its current path, if the server keeps it up to date; leases and locks: that of `open`
  std::string path;
  connection_id connection{}; ///< The connection of the open or operation, if there is one.
  open_id open{}; ///< The open; lease: one of its opens.
  std::uint32_t access = 0; ///< open, waiting
  std::uint32_t share_access = 0; ///< open, waiting
  bool delete_on_close = false; ///< open: delete the file when it is closed
  bool delete_pending = false; ///< The file will be deleted with its last open.
  bool durable = false; ///< open: it is kept when it is disconnected
  /// open: it is kept when it is disconnected regardless of its caching, and is never purged
  bool resilient = false;
  bool persistent = false; ///< open: it also survives a restart
  std::optional<app_instance> instance; ///< open: the application that opened it, if known
  std::optional<lease_info> lease; ///< lease, oplock, recovered
  std::size_t opens = 0; ///< lease: how many opens use it
  byte_range range; ///< byte_range_lock
  bool exclusive = false; ///< byte_range_lock
  operation_id operation{}; ///< waiting: the operation
  /// waiting: the holder whose acknowledgement is awaited, and of what; readable
  std::string waits_for;
  std::string reason; ///< waiting: what the operation does, and why it waits
  client_guid blocker; ///< waiting: the client that has not acknowledged; zero if unknown
  std::string blocker_label; ///< waiting: the label of that client
  time_point since{}; ///< open, lease, lock: when acquired; waiting: when the operation began
  time_point deadline{}; ///< breaking, waiting, disconnected open: when it expires
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
