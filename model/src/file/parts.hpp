// The parts that a file's state is made of. Internal to the model.
#pragma once

#include "file/channel_list.hpp"

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_info.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace leasebreak::detail {

/// Names a lease or an oplock within a file: a lease by client and key, an oplock by its open.
struct lease_name {
  bool is_oplock = false;
  client_guid client;
  lease_key key;

  friend auto operator<=>(const lease_name&, const lease_name&) = default;
};

/// How many notifications a file holds back.
struct held_counts {
  std::uint32_t notices = 0; ///< Of all leases and opens ...
  std::uint32_t behind_changes = 0; ///< ... and of these, for the answer to a change.
};

/// What is held back until the answers are sent that it must not overtake.
struct held_notice {
  /// Counts itself in `all`, which outlives it.
  explicit held_notice(held_counts& all) noexcept : counted_in{all} { ++counted_in.notices; }
  ~held_notice() {
    --counted_in.notices;
    go_ahead();
  }
  held_notice(const held_notice&) = delete;
  held_notice& operator=(const held_notice&) = delete;

  /// From now on it is held back for the answer to a change, too.
  void stay_behind(std::uint32_t change) noexcept {
    if (std::exchange(behind, change) == 0)
      ++counted_in.behind_changes;
  }
  /// It is not any more.
  void go_ahead() noexcept {
    if (std::exchange(behind, 0) != 0)
      --counted_in.behind_changes;
  }

  held_counts& counted_in;
  time_point overdue{}; ///< When the client is told all the same.
  std::uint32_t behind = 0; ///< The answer to this change of the client's own comes first.
  bool breaking = false; ///< The break in progress is to be told, ...
  time_point begun{}; ///< ... which began then, ...
  bool keeps_time = false; ///< ... and goes on with the time that it has.
  std::optional<break_notification> immediate; ///< To be told; needs no acknowledgement.
  std::uint16_t epochs = 0; ///< Breaks that began since; each counts the epoch when it is told.
};

/// A lease with what its file has to know about it, or an oplock, which is the lease of one open.
/// A lease lives as long as an open uses it, also when it caches nothing any more: its key stays
/// bound. An oplock that is broken to nothing is gone.
struct lease_entry {
  client_guid client;
  lease_info info;
  std::uint32_t opens = 0;
  std::uint32_t detached = 0; ///< Of these, how many have no connection ...
  std::uint32_t persistent = 0; ///< ... and how many are persistent, ...
  std::uint32_t resilient = 0; ///< ... and how many resilient.
  open_id first_open{}; ///< The oldest open that uses it.
  channel_list channels; ///< Of those that have a connection.
  break_id current_break{};
  std::uint32_t offers = 0; ///< How often the current break was offered, besides the first time ...
  connection_id told_on{}; ///< ... and on which connection its holder was told, as far as is known.
  break_cause cause{}; ///< Of the break in progress.
  lease_state break_from{}; ///< What it had before the break in progress.
  time_point break_begun{}; ///< When it began; `break_started` is when its last stage did.
  bool maybe_unheard = false; ///< Breaking: what its holder was told may have been lost.
  bool recovered = false; ///< From a record, and not reclaimed yet: it has no open.
  bool stored = false; ///< The store has a record of it.
  std::uint32_t unanswered = 0; ///< Of `opens`, those that an answer is not sent to yet ...
  std::uint32_t unknown = 0; ///< ... and of these, those that never had one.
  bool late = false; ///< One of these answers is overdue.
  std::unique_ptr<held_notice> held; ///< Of a lease; an oplock's is its open's.
  time_point acquired_at{};
  record_name_ptr record; ///< As it is stored; made when it is needed first.

  /// A break is in progress, and its holder was told that it keeps Read.
  [[nodiscard]] bool is_left_read() const noexcept {
    return info.breaking && intersects(info.break_to, lease_state::read);
  }

  /// All opens that use it have lost their connection: there is nobody who could be told.
  [[nodiscard]] bool is_unattended() const noexcept { return opens != 0 && detached == opens; }

  /// A break is in progress, and nobody will hear of it: none of its opens has a connection, and no
  /// persistent one waits for its client.
  [[nodiscard]] bool is_unanswerable() const noexcept {
    return info.breaking && is_unattended() && persistent == 0;
  }

  /// Its client's own change is the cause of what it is to be told, and not answered yet.
  [[nodiscard]] bool is_behind_change() const noexcept {
    return held != nullptr && held->behind != 0;
  }

  [[nodiscard]] lease_name name() const noexcept { return {info.is_oplock, client, info.key}; }
};

/// What an open has that may outlive its connection (MS-SMB2 3.3.1.10).
struct durability {
  duration timeout{}; ///< Zero: it is only resilient.
  bool persistent = false;
  create_guid guid;
  std::string server_state; ///< Persistent: the server's own.
  duration resilience{}; ///< Zero: it is not resilient.
  bool lapsed = false; ///< Without a connection it was resilient for its time, and is only durable.
  bool detached = false; ///< It has no connection now ...
  time_point expires{}; ///< ... and ends at this time.
};

/// The last number of each index of an open's lock requests (MS-SMB2 3.3.1.10 LockSequenceArray).
class lock_sequences {
public:
  /// Whether `s` is what was done last. If not, nothing is known of its index any more.
  [[nodiscard]] bool is_replay(const lock_sequence& s) noexcept;

  /// `s` has been done.
  void done(const lock_sequence& s) noexcept;

private:
  static constexpr std::size_t count = 64;
  static constexpr std::uint8_t unknown = 0xff;

  static bool is_valid(const lock_sequence& s) noexcept { return s.index >= 1 && s.index <= count; }

  std::array<std::uint8_t, count> done_ = [] {
    std::array<std::uint8_t, count> none{};
    none.fill(unknown);
    return none;
  }();
};

/// An open of the file (MS-SMB2 3.3.1.10).
struct open_entry {
  open_id id{};
  client_guid client;
  channel_id channel; ///< None of both without a connection.
  tree_id tree{};
  std::uint32_t access = 0;
  std::uint32_t share_access = 0;
  bool delete_on_close = false;
  bool asks_deletion = false; ///< With a deletion that is pending: it has asked for that.
  bool of_stream = false; ///< Stands for an open of a stream.
  bool oplock_timed_out = false; ///< Its oplock's break ended by the deadline.
  bool unknown = false; ///< No answer that tells of its lease has been sent yet.
  std::uint32_t unanswered = 0; ///< Such answers that are not sent yet.
  std::uint32_t answers = 0; ///< How many of them there have been: the number of the last ...
  std::uint32_t settled = 0; ///< ... and up to which number nobody waits for them any more.
  lease_entry* lease = nullptr; ///< Its lease or oplock, if it has one.
  lease_key parent_key; ///< The ParentLeaseKey of its lease request; zero: none.
  std::unique_ptr<durability> durable;
  std::unique_ptr<held_notice> held; ///< Of its oplock.
  std::unique_ptr<lock_sequences> sequences; ///< From the first numbered lock request on.
  std::unique_ptr<app_instance> instance; ///< The application that made it, if it is known.
  time_point opened_at{};
  std::string share;

  [[nodiscard]] bool is_detached() const noexcept { return durable && durable->detached; }
  [[nodiscard]] bool is_durable() const noexcept {
    return durable && durable->timeout != duration::zero();
  }
  [[nodiscard]] bool is_persistent() const noexcept { return durable && durable->persistent; }
  [[nodiscard]] bool is_resilient() const noexcept {
    return durable && durable->resilience != duration::zero() && !durable->lapsed;
  }
  /// It has no connection, and ends when somebody needs the file.
  [[nodiscard]] bool gives_way() const noexcept {
    return is_detached() && !is_persistent() && !is_resilient();
  }
  /// Its access and share mode count: it has a connection, or is as good as one that has.
  [[nodiscard]] bool takes_part() const noexcept {
    return !is_detached() || (is_resilient() && !is_persistent());
  }
};

/// A change of the file that has been announced and is not made yet.
struct hold_entry {
  hold_id id{};
  lease_state withheld{}; ///< What nobody is granted meanwhile.
  bool deleting = false; ///< The file is going away: nobody opens it ...
  bool of_tree = false; ///< The names beneath the directory are changing: nobody enters by them.
  bool has_successor = false; ///< ... but newcomers wait, and look up its name again.
  client_guid client; ///< With `key`: whose own lease is not restrained.
  lease_key key;
};

/// Byte-range locks that begin below this count, for a file whose AllocationSize is `size`.
/// Implementation specific: the first cluster always counts. Older Windows counts every lock, and
/// clients expect that of a lock at the start of an empty file (smb2.lease.lock1).
[[nodiscard]] constexpr std::uint64_t locks_count_below(std::uint64_t size) noexcept {
  constexpr std::uint64_t first_cluster = 4096;
  return size < first_cluster ? first_cluster : size;
}

/// The file is to be deleted now.
struct deletion {
  hold_id hold{};
  std::optional<lease_key> parent_key; ///< As in `open_closed`.
};

/// A byte-range lock of a record that nobody has reclaimed yet.
struct recovered_lock {
  client_guid client;
  persisted_lock record;
};

/// Which leases an operation waits for while they are breaking.
struct awaited_breaks {
  const lease_entry* own = nullptr; ///< Not this one.
  lease_state of_leases{}; ///< Leases that have something of this,
  lease_state of_oplocks{}; ///< oplocks that have something of that,
  bool left_read = false; ///< and whoever was told that it keeps Read.

  /// Who cannot be told is not waited for: it gives way, or keeps the operation off.
  [[nodiscard]] bool include(const lease_entry& l) const noexcept {
    return l.info.breaking && !l.recovered && !l.is_unattended() && &l != own &&
      (intersects(l.info.state, l.info.is_oplock ? of_oplocks : of_leases) ||
        (left_read && l.is_left_read()));
  }
};

/// A break that somebody waits for.
struct obstacle {
  lease_name lease;
  break_id id{};
};

/// An operation that waits: its command, which is evaluated again when something was given up.
struct waiting_operation {
  operation_id id{};
  command what;
  client_guid client;
  channel_id channel; ///< On which it came; no connection: it goes on as its open does.
  tree_id tree{};
  open_id open{}; ///< The open that it belongs to; none for an open in the making.
  time_point since{};
  std::optional<time_point> deadline; ///< A byte-range lock waits for as long as its client likes.
  std::optional<obstacle> held_up_by; ///< One of the breaks that it waits for, or nothing known.
  std::optional<lease_name> spared; ///< A close: the lease of the open that has ended.
};

/// Something that ends at a certain time. Entries may be out of date: they are checked when they
/// are due.
struct deadline_entry {
  enum class kind : std::uint8_t { answer, lease_break, waiting_operation, detached_open };

  time_point at{};
  kind of{};
  lease_name lease; ///< A break's, or that of a lease's answer.
  operation_id waiting{}; ///< A waiting operation's.
  open_id open{}; ///< A detached open's, or that of an oplock's answer.

  static deadline_entry for_answer(time_point at, const lease_name& lease) {
    return {at, kind::answer, lease, {}, {}};
  }
  static deadline_entry for_answer(time_point at, open_id open) {
    return {at, kind::answer, {}, {}, open};
  }
  static deadline_entry for_break(time_point at, const lease_name& lease) {
    return {at, kind::lease_break, lease, {}, {}};
  }
  static deadline_entry for_waiting(time_point at, operation_id waiting) {
    return {at, kind::waiting_operation, {}, waiting, {}};
  }
  static deadline_entry for_open(time_point at, open_id open) {
    return {at, kind::detached_open, {}, {}, open};
  }

  friend bool operator==(const deadline_entry&, const deadline_entry&) = default;

  /// For a heap with the earliest on top; of the same time, answers, since what they held back is
  /// told with a time of its own; of opens that were lost together, the last.
  friend bool operator<(const deadline_entry& a, const deadline_entry& b) noexcept {
    if (a.at != b.at)
      return a.at > b.at;
    if ((a.of == kind::answer) != (b.of == kind::answer))
      return b.of == kind::answer;
    return a.open < b.open;
  }
};

/// 16 hexadecimal digits: how an open is named as an owner, in records and in listings.
[[nodiscard]] std::string to_hex(open_id id);

} // namespace leasebreak::detail
