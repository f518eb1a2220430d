// What the nodes of a cluster send each other.
#pragma once

#include <leasebreak/cluster/view.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/file_snapshot.hpp>
#include <leasebreak/model/ids.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// Orders the states of a file over all of its owners.
struct file_version {
  std::uint64_t term = 0; ///< The term of the owner; see `slot_owner`.
  std::uint64_t turn = 0; ///< Counts the turns of the slot's files in this term.

  friend auto operator<=>(const file_version&, const file_version&) = default;
};

/// A command for a file, from the node of the client to the owner of the file's slot.
struct request {
  slot_number slot = 0; ///< The slot of the file.
  std::uint64_t term = 0; ///< The term of the owner to which it is sent.
  std::uint64_t number = 0; ///< Counts the requests of the node. Each is executed once, in order.
  std::string file_id; ///< The file.
  command what; ///< The command. Its operation and its node are those of the sender.
  /// Of an acknowledgement: the break about which it is. It fails if another break is in progress,
  /// because it may be late. None: any.
  break_id about{};
};

/// What a turn of a file means for the clients of one node, from the owner to that node. It
/// contains only what clients have for which something may have changed, since a file such as a
/// share's root may be open a thousand times.
struct file_news {
  slot_number slot = 0; ///< The slot of the file.
  std::uint64_t term = 0; ///< The term of the owner. If there is a later one, the news is ignored.
  std::string file_id; ///< The file.
  file_version version; ///< Of the file after the turn.
  std::uint64_t done = 0; ///< `request::number` of the command that was executed; 0: none.
  std::vector<break_notification> notifications; ///< Break notifications for clients of the node.
  std::vector<completion> completions; ///< Operations of the node that have ended.
  std::vector<open_ended> ended; ///< Opens of the node that have ended.
  /// What clients have through the node after the turn. The others have what they had.
  std::vector<client_part> parts;
  /// Clients whose opens through the node could not be kept; they have ended.
  std::vector<client_guid> lost;
};

/// What a client has of a file through one node, in a report to a new owner.
struct file_report {
  std::string file_id; ///< The file.
  node_id node{}; ///< The node of the opens.
  client_guid client; ///< The client; zero: the change holds of the node.
  file_version version; ///< The version of which the part is.
  duration age{}; ///< How long ago the part was made.
  file_snapshot part; ///< From `file_state::report_client`.
};

/// All that a node knows of a slot, to the new owner of the slot.
struct slot_report {
  slot_number slot = 0; ///< The slot.
  std::uint64_t term = 0; ///< The term of the new owner.
  node_id from{}; ///< The node that reports.
  std::vector<file_report> files; ///< The files that the node's clients use.
  std::vector<request> pending; ///< Requests without an answer, in order.
};

/// The content of a message.
using message_body = std::variant<request, file_news, slot_report>;

/// A message of a session between two nodes.
struct message {
  std::uint64_t number = 0; ///< Counts the messages of the session, from 1.
  std::uint64_t view = 0; ///< The number of the sender's view when the message was sent first.
  message_body body; ///< The content.
};

/// What is sent at once. Packets may be lost, repeated, late, and arrive in any order.
struct packet {
  node_id from{}; ///< The sender.
  node_id to{}; ///< The recipient.
  bool wants_answer = false; ///< The recipient is to send a packet.
  std::uint64_t consumed = 0; ///< The number of the last message that the sender has consumed.
  std::vector<message> messages; ///< Messages, in order.
};

/// The most bytes of a packet, and messages in it, that `decode_packet` accepts.
inline constexpr std::size_t packet_bytes_max = std::size_t{64} << 20U;
inline constexpr std::size_t packet_messages_max = 1024;

/// Returns a packet as bytes. `now` is the time of this node's clock: times in the packet become
/// relative to it.
[[nodiscard]] std::string encode(const packet& p, time_point now);

/// Why bytes are not a packet.
struct packet_error {
  std::size_t at = 0; ///< The number of bytes that were read.
  std::string what; ///< What is wrong.

  friend bool operator==(const packet_error&, const packet_error&) = default;
};

/// Returns the packet that `encode` has written, with times of this node's clock, or the reason why
/// there is none. Does not trust the sender: all values are within the ranges that their
/// documentation states, requests have only commands that nodes send each other, and the memory
/// used is proportional to the number of bytes. Says nothing about the bytes of a `file_snapshot`;
/// `file_state` checks them.
[[nodiscard]] std::variant<packet, packet_error> decode_packet(
  std::string_view bytes, time_point now);

/// Returns the node through which an open was made: the upper 24 bits of its id are the node's.
[[nodiscard]] constexpr node_id node_of(open_id open) noexcept {
  return static_cast<node_id>(static_cast<std::uint64_t>(open) >> 40U);
}
/// Returns the operation of a command, or none.
[[nodiscard]] operation_id operation_of(const command& what) noexcept;

/// Returns the node that has chosen the id of an operation.
[[nodiscard]] constexpr node_id node_of(operation_id operation) noexcept {
  return static_cast<node_id>(static_cast<std::uint64_t>(operation) >> 40U);
}
/// Returns the id of a node's operation. `number` must be below 2^40.
[[nodiscard]] constexpr operation_id operation_of(node_id node, std::uint64_t number) noexcept {
  return static_cast<operation_id>(static_cast<std::uint64_t>(node) << 40U | number);
}

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI
