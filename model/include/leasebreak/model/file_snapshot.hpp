// The state of a file as bytes, to move it to another process.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The state of a file, or of some of its opens, as of one moment. A plain value.
///
/// The bytes depend on neither the machine nor its clock: they begin with a mark, a kind and the
/// version of the format, and times are relative to the moment of the export. Equal states give
/// equal bytes. They contain what clients are told and what their servers keep for them, so that
/// they must only be sent to nodes of the same cluster.
struct file_snapshot {
  std::string bytes; ///< The encoded state. May come from a peer that is not trusted.

  friend bool operator==(const file_snapshot&, const file_snapshot&) = default;
};

/// What a node of a cluster reports of a file whose owner has failed.
struct node_report {
  node_id node{}; ///< The node that reports.
  file_snapshot opens; ///< From `file_state::report_client` or `report_open`.
  duration age{}; ///< How long ago it was made: 0 to a year. Breaks have that much less time left.
};

/// What a client has of a file through one node of a cluster.
struct client_part {
  client_guid client; ///< The client; zero: the change holds of the node.
  std::optional<file_snapshot> part; ///< From `file_state::report_client`; empty: nothing.
};

/// The reason why bytes are not the state of a file.
struct snapshot_error {
  /// The position of the snapshot, if there are several. Their number: they contradict each other.
  std::size_t snapshot = 0;
  std::size_t at = 0; ///< The number of bytes that were read.
  std::string what; ///< What is wrong.

  friend bool operator==(const snapshot_error&, const snapshot_error&) = default;
};

/// Returns text such as `snapshot 0 is wrong near byte 17: a number that is out of range`.
[[nodiscard]] std::string to_string(const snapshot_error& error);

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
