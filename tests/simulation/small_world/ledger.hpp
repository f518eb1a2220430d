// The clients' view of a small world: requests, answers, notifications, and conclusions from them.
// It does not read the server's state.
#pragma once

#include "action.hpp"
#include "profile.hpp"

#include <leasebreak/model/effects.hpp>
#include <leasebreak/model/file_state.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace leasebreak::small_world {

/// Two clients with two opens each. Slots 0 and 1 belong to the first client.
inline constexpr std::size_t slot_count = 4;
/// The slot number of a local process, which is no SMB client and has no open.
inline constexpr std::uint8_t local_slot = 4;
/// All possible holders of caches: first the leases, two keys for each client, then the oplock of
/// each slot.
inline constexpr std::size_t lease_count = 4;
inline constexpr std::size_t holder_count = lease_count + slot_count;
/// No holder, or no slot.
inline constexpr std::uint8_t nothing = 0xff;

/// An answer that grants caching to an open, and has not reached its client.
struct answer_in_flight {
  std::uint32_t number = 0; ///< `open_granted::answer`; 0 without an answer.
  lease_state state = lease_state::none;
  std::uint16_t epoch = 0;
  bool breaking = false; ///< The answer reports a break in progress.
  time_point since{};
};

/// A place for an open of a client, with a connection of its own.
struct slot {
  enum class status : std::uint8_t {
    free,
    opening, ///< The open is pending.
    open,
    lost, ///< The connection is lost. The client expects the server to keep its durable open.
    closing, ///< The close is pending.
  };

  status is = status::free;
  bool gone = false; ///< With `lost`: the server has ended the open since then.
  bool told = false; ///< With `open`: the client has received the answer.
  bool was_told = false; ///< The client had received the answer, on this or an earlier connection.
  bool durable = false;
  bool exclusive_lock = false;
  std::uint8_t shared_locks = 0;
  std::uint8_t choice = 0; ///< Index in `profile::opens`.
  open_id id{};
  time_point lost_at{};
  answer_in_flight answer;

  /// Whether the server has an open here.
  [[nodiscard]] bool is_there() const noexcept {
    return is == status::open || (is == status::lost && !gone);
  }
};

/// What a client knows of one of its leases or oplocks, from answers and notifications alone.
struct view {
  lease_state uses = lease_state::none; ///< What it may cache.
  bool heard = false; ///< It has received a grant.
  bool must_answer = false; ///< It has received a notification, and has not acknowledged it.
  bool time_runs = false; ///< A notification that needs an acknowledgement was sent.
  bool may_know_less = false; ///< An answer with a grant was lost.
  bool is_overdue = false; ///< An answer was overdue, so a break was sent before the grant.
  bool may_be_told_again = false; ///< A connection was lost since the last notification.
  std::uint8_t version = 0; ///< Of the lease; 0 for an oplock or no lease.
  lease_state told_from =
    lease_state::none; ///< From the last notification that needs an acknowledgement.
  lease_state told_to = lease_state::none;
  std::uint16_t epoch = 0; ///< The newest epoch that it knows.
  std::uint16_t server_epoch = 0; ///< The newest epoch in an answer or notification.
  time_point told_at{}; ///< When its time began.
  connection_id
    told_on{}; ///< The connection of the last notification that needs an acknowledgement.
};

/// A pending operation.
struct operation {
  operation_id id{};
  action what;
  time_point since{};
};

/// A change that was announced, and is not made yet.
struct change {
  enum class kind : std::uint8_t { data, name, deletion };

  hold_id id{};
  kind is{};
  std::uint8_t holder = nothing; ///< The lease or oplock that the change does not affect.
};

struct ledger {
  ledger(const profile& p, const file_policy& f) : world(&p), policy(&f) {}

  const profile* world;
  const file_policy* policy;
  time_point now = time_point{} + std::chrono::hours{24 * 365 * 50};
  std::array<slot, slot_count> slots;
  std::array<view, holder_count> views;
  std::vector<operation> operations; ///< In the order in which they began.
  std::vector<change> changes;
  bool doomed = false; ///< The last close deletes the file.

  [[nodiscard]] const open_choice& choice_of(std::size_t s) const {
    return world->opens[slots[s].choice];
  }
  /// The holder that the open of a slot would use, even if it caches nothing.
  [[nodiscard]] std::uint8_t holder_of(std::size_t s) const {
    const auto& choice = choice_of(s);
    return static_cast<std::uint8_t>(
      choice.has_lease() ? (s / 2) * 2 + choice.key - 1U : lease_count + s);
  }
  [[nodiscard]] static bool is_oplock(std::size_t holder) noexcept { return holder >= lease_count; }
  /// Whether the client has an open that it knows of, with a connection.
  [[nodiscard]] bool is_attended(std::size_t holder) const;
  /// Whether the client has an open that it knows of, with or without a connection.
  [[nodiscard]] bool is_known(std::size_t holder) const;
  [[nodiscard]] bool has_answer_in_flight(std::size_t holder) const;
  /// Whether the server has an open of the holder.
  [[nodiscard]] bool is_there(std::size_t holder) const;
  [[nodiscard]] bool has_lost(std::size_t holder) const;
  /// Whether the server has any open.
  [[nodiscard]] bool any_open() const;
  [[nodiscard]] bool is_being_deleted() const;
  /// Whether a client may know less than it was granted: an answer was lost, or a client without
  /// epochs took an older answer for a newer one.
  [[nodiscard]] bool may_be_behind() const;
  [[nodiscard]] const operation* operation_in(std::size_t s) const;
};

} // namespace leasebreak::small_world
