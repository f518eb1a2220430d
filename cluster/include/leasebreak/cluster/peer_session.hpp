// The messages between two nodes: each arrives once and in order, whatever happens to packets.
#pragma once

#include <leasebreak/cluster/message.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// Limits of a session. They must be the same on both nodes.
struct session_settings {
  std::size_t window = 256; ///< Messages in flight. More are kept until earlier ones are consumed.
  duration repetition = std::chrono::milliseconds{200}; ///< When to send messages again.
};

/// One end of the session between one run of a node and one run of another. Not thread-safe.
class peer_session {
public:
  /// `self` and `peer` are the two runs.
  peer_session(const session_settings& settings, node_id self, node_id peer)
    : settings_(settings), self_(self), peer_(peer) {}

  /// Adds a message, which is sent in the sender's view `view`.
  void send(std::uint64_t view, message_body body);

  /// Returns what is to be sent at `now`: new messages, those that have not been consumed in time,
  /// and what `packet::consumed` confirms. Nothing: there is nothing to send.
  [[nodiscard]] std::optional<packet> take_packet(time_point now);
  /// Makes the next packet due, even if it has no messages. `wants_answer` asks the peer for one.
  void greet(bool wants_answer) noexcept;

  /// Takes a packet from the peer. Messages beyond the window are ignored; they will be repeated.
  void receive(const packet& p);

  /// Returns the next message from the peer, or null if it has not arrived.
  [[nodiscard]] const message* front() const noexcept;
  /// Consumes and returns that message. Precondition: `front` is not null.
  message pop();

  /// Returns how many messages have not been consumed by the peer.
  [[nodiscard]] std::size_t unconsumed() const noexcept { return outgoing_.size(); }
  /// Returns when `take_packet` first saw the oldest message that the peer has not consumed.
  /// Nothing if there is none.
  [[nodiscard]] std::optional<time_point> oldest_since() const noexcept;

private:
  void drop_first() noexcept;

  session_settings settings_;
  node_id self_;
  node_id peer_;
  std::deque<message> outgoing_; ///< Those that the peer has not consumed.
  std::uint64_t last_number_ = 0; ///< The number of the last message of `outgoing_`.
  std::uint64_t last_sent_ = 0; ///< The number of the last message that was sent at least once.
  time_point sent_at_ = time_point::min(); ///< When messages were sent last.
  std::deque<time_point> seen_; ///< When the first ones of `outgoing_` were seen.
  std::map<std::uint64_t, message> incoming_; ///< Those that have not been consumed, by number.
  std::uint64_t consumed_ = 0;
  bool is_due_ = false; ///< A packet without messages is to be sent.
  bool wants_answer_ = false;
};

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI
