// The clients' side of a small world: requests, answers and notifications, and what follows from
// them. Nothing here is read from the server's state.
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

/// Two clients with two opens each; slots 0 and 1 are the first client's.
inline constexpr std::size_t slot_count = 4;
/// A local process: no SMB client, and without an open.
inline constexpr std::uint8_t local_slot = 4;
/// Whatever may cache: first the leases, two keys of each client, then the oplock of each slot.
inline constexpr std::size_t lease_count = 4;
inline constexpr std::size_t holder_count = lease_count + slot_count;
/// No holder, or no slot.
inline constexpr std::uint8_t nothing = 0xff;

/// An answer that tells what an open may cache, and has not reached its client.
struct answer_in_flight {
  std::uint32_t number = 0; ///< `open_granted::answer`; 0: there is none.
  lease_state state = lease_state::none;
  std::uint16_t epoch = 0;
  bool breaking = false; ///< It says that a break is in progress.
  time_point since{};
};

/// A place for an open of a client. Each has a connection of its own.
struct slot {
  enum class status : std::uint8_t {
    free,
    opening, ///< The open waits.
    open,
    lost, ///< The connection is lost, and the client expects its durable open to be kept.
    closing, ///< The close waits.
  };

  status is = status::free;
  bool gone = false; ///< lost: the server has ended the open since.
  bool told = false; ///< open: the client knows that it is.
  bool was_told = false; ///< The same, with a connection then or now.
  bool durable = false;
  bool exclusive_lock = false;
  std::uint8_t shared_locks = 0;
  std::uint8_t choice = 0; ///< Of `profile::opens`.
  open_id id{};
  time_point lost_at{};
  answer_in_flight answer;

  /// The server has an open here.
  [[nodiscard]] bool is_there() const noexcept {
    return is == status::open || (is == status::lost && !gone);
  }
};

/// What a client knows of one of its leases or oplocks, by answers and notifications alone.
struct view {
  lease_state uses = lease_state::none; ///< What it may cache.
  bool heard = false; ///< It has been told of the lease.
  bool must_answer = false; ///< It has been told to acknowledge, and has not.
  bool time_runs = false; ///< It has been sent a notification to acknowledge.
  bool may_know_less = false; ///< An answer that told of a grant was lost.
  bool is_overdue = false; ///< It was told of a break, as an answer was overdue, before it knew it.
  bool may_be_told_again = false; ///< A connection was lost since the last notification.
  std::uint8_t version = 0; ///< Of the lease; 0: none, or an oplock.
  lease_state told_from = lease_state::none; ///< By the last notification to acknowledge.
  lease_state told_to = lease_state::none;
  std::uint16_t epoch = 0; ///< The newest that it knows.
  std::uint16_t server_epoch = 0; ///< The newest that was put into an answer or a notification.
  time_point told_at{}; ///< When its time began.
  connection_id told_on{}; ///< Where the last notification to acknowledge went.
};

/// An operation that was begun and has not ended.
struct operation {
  operation_id id{};
  action what;
  time_point since{};
};

/// A change that was announced and is not made.
struct change {
  enum class kind : std::uint8_t { data, name, deletion };

  hold_id id{};
  kind is{};
  std::uint8_t holder = nothing; ///< Whose lease or oplock it leaves alone.
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
  bool doomed = false; ///< The file is deleted with its last close.

  [[nodiscard]] const open_choice& choice_of(std::size_t s) const {
    return world->opens[slots[s].choice];
  }
  /// What the open of a slot would cache by, also if it caches nothing.
  [[nodiscard]] std::uint8_t holder_of(std::size_t s) const {
    const auto& choice = choice_of(s);
    return static_cast<std::uint8_t>(
      choice.has_lease() ? (s / 2) * 2 + choice.key - 1U : lease_count + s);
  }
  [[nodiscard]] static bool is_oplock(std::size_t holder) noexcept { return holder >= lease_count; }
  /// The client has an open that it knows of, and a connection for it.
  [[nodiscard]] bool is_attended(std::size_t holder) const;
  /// The client has an open that it knows of, with a connection or without.
  [[nodiscard]] bool is_known(std::size_t holder) const;
  [[nodiscard]] bool has_answer_in_flight(std::size_t holder) const;
  /// The server has an open of the holder.
  [[nodiscard]] bool is_there(std::size_t holder) const;
  [[nodiscard]] bool has_lost(std::size_t holder) const;
  /// The server has an open.
  [[nodiscard]] bool any_open() const;
  [[nodiscard]] bool is_being_deleted() const;
  /// A client may know of less than it was granted: an answer was lost, or, without epochs, an
  /// older one was taken for a newer one.
  [[nodiscard]] bool may_be_behind() const;
  [[nodiscard]] const operation* operation_in(std::size_t s) const;
};

} // namespace leasebreak::small_world
