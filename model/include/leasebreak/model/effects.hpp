// What a command leads to: completions, break notifications, records to store, facts for the log.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>
#include <leasebreak/model/stored_change.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace leasebreak {

/// What an open was granted.
struct open_granted {
  open_id open{};
  oplock_level oplock =
    oplock_level::none; ///< `lease` if a lease was asked for, whatever was granted.
  lease_key key; ///< The lease's key; zero without a lease.
  lease_state state = lease_state::none; ///< What may be cached, by lease or oplock.
  std::uint8_t version = 0; ///< The lease's version; 0 without a lease.
  std::uint16_t epoch = 0; ///< V2: the lease's epoch; V1: 0.
  bool break_in_progress = false; ///< MS-SMB2 2.2.14.2.10 SMB2_LEASE_FLAG_BREAK_IN_PROGRESS.
  std::optional<lease_key> parent_key; ///< V2: to be echoed with its flag, if the request had it.
  bool durable = false; ///< It will be kept when its connection goes.
  bool persistent = false;
  hold_id hold{}; ///< Set if the open overwrites: end it after truncating.
  /// Which of the open's answers this is, if `answer_sent` is to follow; otherwise 0.
  std::uint32_t answer = 0;
  /// It waited for others, who may have renamed or replaced the file meanwhile: look up again what
  /// its name means (MS-FSA 2.1.5.1).
  bool waited = false;

  friend bool operator==(const open_granted&, const open_granted&) = default;
};

/// An open was refused.
struct open_refused {
  bool waited = false; ///< As in `open_granted`.

  friend bool operator==(const open_refused&, const open_refused&) = default;
};

/// What closing an open led to.
struct open_closed {
  bool kept = false; ///< The open is durable, and stays without a connection.
  bool delete_file = false; ///< The last open is gone and the file is to be deleted now.
  hold_id hold{}; ///< Set with `delete_file`: end it after deleting.
  /// With `delete_file`: the ParentLeaseKey of the opens that asked for the deletion and of the one
  /// that carries it out, if all have the same. Pass it to `access_kind::change_children`.
  std::optional<lease_key> parent_key{};

  friend bool operator==(const open_closed&, const open_closed&) = default;
};

/// An access may go on.
struct access_granted {
  hold_id hold{}; ///< Set if the access changes what others may cache: end it after the change.
  /// Set if a break of the client's own lease is held back: `answer_sent` is to follow.
  std::uint32_t answer = 0;

  friend bool operator==(const access_granted&, const access_granted&) = default;
};

/// What an accepted acknowledgement left; it is echoed in the response.
struct break_acknowledged {
  lease_state state = lease_state::none;

  friend bool operator==(const break_acknowledged&, const break_acknowledged&) = default;
};

/// How many of the elements of an unlock request were done.
struct ranges_unlocked {
  std::size_t count = 0;

  friend bool operator==(const ranges_unlocked&, const ranges_unlocked&) = default;
};

/// A lock request was the same as the one before, and nothing was done.
struct lock_replayed {
  friend bool operator==(const lock_replayed&, const lock_replayed&) = default;
};

/// How many of the client's opens on this file ended, and whether the file is to be deleted.
struct client_removed {
  std::size_t opens = 0; ///< How many ended.
  std::vector<open_id> kept{}; ///< Durable ones that stay without a connection.
  bool delete_file = false;
  hold_id hold{};
  std::optional<lease_key> parent_key{}; ///< As in `open_closed`.

  friend bool operator==(const client_removed&, const client_removed&) = default;
};

using operation_result = std::variant<std::monostate, open_granted, open_refused, open_closed,
  access_granted, break_acknowledged, ranges_unlocked, lock_replayed, client_removed>;

/// An operation has ended. Every operation completes exactly once.
struct completion {
  operation_id operation{};
  errc error = errc::success;
  operation_result result;
};

/// Why a break began.
enum class break_cause : std::uint8_t {
  open, ///< Another open.
  overwrite, ///< Another open that truncates.
  sharing_violation, ///< Another open that this holder's opens exclude.
  write, ///< Data was written.
  lock, ///< A byte-range lock was taken.
  read, ///< Data was read by somebody without an open.
  rename, ///< The file, a directory above it, or something onto it is renamed, or it is linked.
  remove, ///< The file is deleted.
  child_change, ///< A directory's content changed.
  forced, ///< An operator's wish.
  security, ///< The file's security descriptor is set.
};

/// How a break ended.
enum class break_outcome : std::uint8_t {
  acknowledged,
  closed, ///< The holder closed the file.
  timed_out,
  disconnected, ///< The holder's connection ended.
  undeliverable, ///< The notification could not be sent.
  immediate, ///< No acknowledgement was needed.
};

[[nodiscard]] std::string_view to_string(access_kind kind) noexcept;
[[nodiscard]] std::string_view to_string(break_cause cause) noexcept;
[[nodiscard]] std::string_view to_string(break_outcome outcome) noexcept;

/// Tells a holder to give up part of what it caches (MS-SMB2 2.2.23).
struct break_notification {
  break_id id{};
  /// The same break is offered once more if the connection ends on which its holder was told, or
  /// when the holder is back: this is how often it was offered before.
  std::uint32_t offer = 0;
  client_guid client;
  /// Where to send it, the best first (MS-SMB2 3.3.4.6, 3.3.4.7): for a lease the channel of the
  /// client's oldest open of this file that uses a lease; then the channels of the lease's or
  /// oplock's opens, the one that was used last first. The coordinator adds the other channels of
  /// their sessions, and for a lease the client's other connections that have a session.
  std::vector<channel_id> channels;
  bool is_oplock = false;
  open_id open{}; ///< Oplock: whose. Lease: one of its opens.
  lease_key key; ///< Lease: its key. Oplock: zero.
  lease_state from = lease_state::none;
  lease_state to = lease_state::none;
  std::uint16_t epoch = 0; ///< NewEpoch; 0 for V1.
  bool ack_required = false;
  break_cause cause = break_cause::open;
  /// When the break began. The holder's time runs from when it is told, which may be later.
  time_point issued{};

  friend bool operator==(const break_notification&, const break_notification&) = default;

  /// The first of `channels`; none if there is none.
  [[nodiscard]] connection_id connection() const noexcept {
    return channels.empty() ? connection_id::none : channels.front().connection;
  }

  /// The level that an oplock's holder may keep: level II or none.
  [[nodiscard]] oplock_level oplock_to() const noexcept { return oplock_of(to); }
};

/// A break has begun; `notification` says which. Written once per break, not per follow-up.
struct break_begun {
  break_cause cause{};
  lease_state from{};
  lease_state to{};
};

/// A break has ended.
struct break_ended {
  client_guid client;
  lease_key key; ///< Zero for an oplock.
  open_id open{}; ///< One of the lease's opens, or the oplock's.
  break_cause cause{};
  break_outcome outcome{};
  lease_state from{}; ///< Before.
  lease_state to{}; ///< What the holder had been asked to go to.
  lease_state left{}; ///< What it has now.
  duration age{}; ///< From the break's start.
  std::size_t waiting = 0; ///< Operations that waited on this file at that moment.
};

/// An acknowledgement was refused.
struct acknowledgement_refused {
  client_guid client;
  lease_key key;
  errc error{};
  bool late = false; ///< It came after the break's deadline.
};

/// A lease or oplock was granted or upgraded.
struct caching_granted {
  lease_state state{};
  bool is_oplock = false;
};

/// A recovered record was given up, because its holder did not reclaim it or its break's time was
/// up.
struct record_dropped {
  std::string id;
};

/// A break was held back for an answer that the server has not sent in time. The client is told of
/// the break now, whichever comes first.
struct answer_overdue {
  client_guid client;
  lease_key key; ///< Zero for an oplock.
  open_id open{}; ///< One of the lease's opens, or the oplock's.
};

using fact = std::variant<break_begun, break_ended, acknowledgement_refused, caching_granted,
  record_dropped, answer_overdue>;

/// Why an open ended.
enum class end_cause : std::uint8_t {
  closed,
  disconnected,
  expired, ///< It was durable, and nobody came back in time.
  purged, ///< It was durable and without a connection, and somebody else needed the file.
  superseded, ///< Its application has opened the file on another client (MS-SMB2 3.3.5.9.13).
};

/// An open has ended; what it had counts no longer against the limits.
struct open_ended {
  open_id open{};
  end_cause cause{};
  client_guid client;
  lease_key key; ///< The key of its lease request; zero without one.
  std::size_t locks = 0; ///< Byte-range locks that went with it.
  bool persistent = false;
  hold_id hold{}; ///< Not by a command about it, as `expired`, `purged`, `superseded`: set if the
                  ///< file is to be deleted now; end it after deleting.
  std::optional<lease_key> parent_key{}; ///< With `hold`, as in `open_closed`.
  /// It asked for the deletion of the file, which is pending still: the name goes through which it
  /// was opened (MS-FSA 2.1.5.15.3).
  bool deletes = false;
};

/// A persistent open came back from its record, or byte-range locks of one did. From now on they
/// count against the limits.
struct open_recovered {
  open_id open{};
  std::size_t locks = 0; ///< Zero: the open itself.
};

/// What one or more commands led to, in the order in which it happened within each list.
/// Notifications come before the completions that follow from the same command.
struct effects {
  std::vector<break_notification> notifications;
  std::vector<completion> completions;
  std::vector<stored_change> records;
  std::vector<open_ended> ended;
  std::vector<fact> facts;
  std::vector<open_recovered> recovered;

  void clear() noexcept {
    notifications.clear();
    completions.clear();
    records.clear();
    ended.clear();
    facts.clear();
    recovered.clear();
  }

  [[nodiscard]] bool empty() const noexcept {
    return notifications.empty() && completions.empty() && records.empty() && ended.empty() &&
      facts.empty() && recovered.empty();
  }
};

/// What kind of thing an entry of a listing is.
enum class entry_kind : std::uint8_t { open, lease, oplock, byte_range_lock, waiting, recovered };

[[nodiscard]] std::string_view to_string(entry_kind kind) noexcept;

/// One line of a listing: what is held, what is breaking and since when, what waits, for whom and
/// why.
struct listed_entry {
  entry_kind kind{};
  std::string file_id;
  client_guid client;
  std::string owner_id; ///< As in the record.
  std::string share;
  std::string path; ///< open: where it is now, if the server says so; leases and locks: of `open`
  connection_id connection{};
  open_id open{};
  std::uint32_t access = 0; ///< open, waiting
  std::uint32_t share_access = 0;
  bool delete_on_close = false;
  bool delete_pending = false;
  bool durable = false; ///< open: it stays when its connection goes
  bool resilient = false; ///< open: so it does, whatever it caches, and gives way to nobody
  bool persistent = false; ///< open: also after a restart
  std::optional<app_instance> instance; ///< open: the application that made it, if it is known
  std::optional<lease_info> lease; ///< lease, oplock, recovered
  std::size_t opens = 0; ///< lease: how many opens share it
  byte_range range; ///< byte_range_lock
  bool exclusive = false;
  std::string waits_for; ///< waiting: whose answer, and to what; readable
  std::string reason; ///< waiting: what the operation is, and why it waits
  client_guid blocker; ///< waiting: the client that has not answered; zero if none is known
  time_point since{}; ///< open, lease, lock: when acquired; waiting: when it came
  time_point deadline{}; ///< breaking, waiting, open without connection: when it ends by itself
};

} // namespace leasebreak
