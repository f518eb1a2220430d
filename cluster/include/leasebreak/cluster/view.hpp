// Views: which nodes belong to a cluster, and which of them owns each slot of files.
//
// A view is one document of the engine, which is a linearizable store such as etcd. It changes only
// by compare-and-swap, so that all views are totally ordered.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// Files are distributed over nodes by slot. 0 to the number of slots - 1.
using slot_number = std::uint32_t;

/// The number of slots of a new cluster.
inline constexpr std::size_t default_slots = 1024;
/// The greatest number of slots.
inline constexpr std::size_t slots_max = 65'536;
/// The greatest number of members of a view, and of nodes that are to be fenced.
inline constexpr std::size_t members_max = 1'024;
/// The greatest number of a view: numbers of breaks contain it; see `file_state`.
inline constexpr std::uint64_t view_number_max = (std::uint64_t{1} << 23U) - 1;
/// The greatest id of a node: numbers of operations and opens contain it.
inline constexpr std::uint32_t node_number_max = (std::uint32_t{1} << 24U) - 1;
/// The greatest length of a member's name and of its address, in bytes.
inline constexpr std::size_t member_text_max = 255;

/// One run of a node that belongs to a view.
struct view_member {
  std::string name; ///< The node's name, which is the same in all of its runs. Not empty.
  node_id node{}; ///< This run. Greater than that of each earlier run of any node.
  std::string address; ///< Where other nodes reach it.
  /// The number of the first view that contains this run. `next_view` sets it.
  std::uint64_t joined = 0;

  friend bool operator==(const view_member&, const view_member&) = default;
};

/// The owner of a slot.
struct slot_owner {
  node_id node{}; ///< None: the slot has no owner, because the view has no members.
  /// The number of the first view in which this node owned the slot without interruption. It
  /// identifies this ownership: messages about the slot name it, and others are not accepted.
  std::uint64_t term = 0;

  friend bool operator==(const slot_owner&, const slot_owner&) = default;
};

/// A view of the cluster. A plain value.
struct view {
  std::uint64_t number = 0; ///< Counts changes. 0: there was no view yet.
  std::vector<view_member> members; ///< Ordered by name; each name and node once.
  /// Nodes that were members, and whose clients may not be disconnected yet. Ordered.
  std::vector<node_id> unfenced;
  std::vector<slot_owner> slots; ///< The owner of each slot.

  /// Returns the member, or null.
  [[nodiscard]] const view_member* find(node_id node) const noexcept;
  /// Returns the member, or null.
  [[nodiscard]] const view_member* find(std::string_view name) const noexcept;
  /// Returns whether the node must still be fenced.
  [[nodiscard]] bool is_unfenced(node_id node) const noexcept;

  friend bool operator==(const view&, const view&) = default;
};

/// What is to change in a view.
struct view_change {
  std::vector<node_id> gone; ///< Nodes whose leases have expired. They are to be fenced.
  std::optional<view_member> joining; ///< A node that joins.
  std::vector<node_id> fenced; ///< Nodes that have been fenced.
};

/// Returns the slot of a file. All nodes compute the same slot. `slots` must not be zero.
[[nodiscard]] slot_number slot_of(std::string_view file_id, std::size_t slots) noexcept;

/// Returns a view without members, with this number of slots.
[[nodiscard]] view first_view(std::size_t slots = default_slots);

/// Returns the view that follows `now`, or nothing if the change has no effect or is impossible: a
/// node joins whose name or id another member has, there would be too many members, or `now` has
/// the last number. Slots are assigned by rendezvous hashing of the members' names. Thus a slot
/// only moves if its owner is gone or if the joining node is to own it.
[[nodiscard]] std::optional<view> next_view(const view& now, const view_change& change);

/// Returns the document of a valid view.
[[nodiscard]] std::string encode(const view& v);

/// Why bytes are not a view.
struct view_error {
  std::size_t at = 0; ///< The number of bytes that were read.
  std::string what; ///< What is wrong.

  friend bool operator==(const view_error&, const view_error&) = default;
};

/// Returns the view that `encode` has written, or the reason why there is none. Trusts nothing: the
/// result has all properties that the members' documentation states. Uses memory proportional to
/// the number of bytes.
[[nodiscard]] std::variant<view, view_error> decode_view(std::string_view bytes);

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI
