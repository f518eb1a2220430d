// The parts of a file's state. Internal to the model.
#pragma once

#include "file/channel_list.hpp"

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_info.hpp>

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Identifies a lease or an oplock within a file: a lease by client and key, an oplock by its open.
struct lease_name {
  bool is_oplock = false;
  client_guid client;
  lease_key key;

  friend auto operator<=>(const lease_name&, const lease_name&) = default;
};

/// Counts the notifications that a file holds back.
struct held_counts {
  std::uint32_t notices = 0; ///< All of its leases and opens.
  /// Those that are held back for the response to a directory change.
  std::uint32_t behind_changes = 0;
};

/// A notification that is held back until responses are sent that it must not overtake.
struct held_notice {
  /// Counts itself in `all`, which must outlive it.
  explicit held_notice(held_counts& all) noexcept : counted_in{all} { ++counted_in.notices; }
  ~held_notice() {
    --counted_in.notices;
    go_ahead();
  }
  held_notice(const held_notice&) = delete;
  held_notice& operator=(const held_notice&) = delete;

  /// Also hold it back for the response to this change.
  void stay_behind(std::uint32_t change) noexcept {
    if (std::exchange(behind, change) == 0)
      ++counted_in.behind_changes;
  }
  /// No longer hold it back for a change.
  void go_ahead() noexcept {
    if (std::exchange(behind, 0) != 0)
      --counted_in.behind_changes;
  }

  held_counts& counted_in;
  time_point overdue{}; ///< When the client is notified regardless.
  /// The client's own directory change whose response must come first; 0: none.
  std::uint32_t behind = 0;
  bool breaking = false; ///< The break in progress must be sent.
  time_point begun{}; ///< With `breaking`: when the break began.
  bool keeps_time = false; ///< With `breaking`: do not restart the break's deadline.
  /// A notification to send that needs no acknowledgement.
  std::optional<break_notification> immediate;
  /// Breaks that began meanwhile; each increments the epoch when it is sent.
  std::uint16_t epochs = 0;
};

/// A lease with the data that its file needs, or an oplock, which is treated as a lease with one
/// open. A lease lives as long as an open uses it, even if it caches nothing: its key stays bound
/// to the file. An oplock that is broken to none is removed.
struct lease_entry {
  client_guid client;
  lease_info info;
  std::uint32_t opens = 0;
  std::uint32_t detached = 0; ///< Of these, how many are disconnected.
  std::uint32_t persistent = 0; ///< Of these, how many are persistent.
  std::uint32_t resilient = 0; ///< Of these, how many are resilient.
  open_id first_open{}; ///< The oldest open that uses it.
  channel_list channels; ///< The channels of its connected opens.
  break_id current_break{};
  std::uint32_t offers = 0; ///< How often the current break was sent again.
  connection_id told_on{}; ///< The connection on which the break was sent, as far as known.
  break_cause cause{}; ///< The cause of the break in progress.
  lease_state break_from{}; ///< The state before the break in progress.
  node_id told_node{}; ///< The node of `told_on`.
  time_point break_begun{}; ///< When the break began; `break_started` is when its last stage began.
  time_point break_due{}; ///< When its last stage expires.
  bool maybe_unheard = false; ///< Breaking: the notification may have been lost.
  bool recovered = false; ///< From a record that has not been reclaimed: it has no open.
  bool stored = false; ///< The store has a record of it.
  std::uint32_t unanswered = 0; ///< Of `opens`, those with an outstanding response.
  std::uint32_t unknown = 0; ///< Of these, those whose first response is outstanding.
  bool late = false; ///< One of these responses is overdue.
  std::unique_ptr<held_notice> held; ///< Of a lease; that of an oplock is in its open.
  time_point acquired_at{};
  record_name_ptr record; ///< The stored id; made when it is first needed.

  void note_told_on(const channel_id& c) noexcept {
    told_on = c.connection;
    told_node = c.node;
  }

  /// Returns whether a break is in progress and its holder was told that it keeps Read.
  [[nodiscard]] bool is_left_read() const noexcept {
    return info.breaking && intersects(info.break_to, lease_state::read);
  }

  /// Returns whether all its opens are disconnected, so that no notification can be sent.
  [[nodiscard]] bool is_unattended() const noexcept { return opens != 0 && detached == opens; }

  /// Returns whether a break is in progress that will never be acknowledged: all opens are
  /// disconnected, and none is persistent and waits for its client.
  [[nodiscard]] bool is_unanswerable() const noexcept {
    return info.breaking && is_unattended() && persistent == 0;
  }

  /// Returns whether its notification is held back for the response to a change by its own client.
  [[nodiscard]] bool is_behind_change() const noexcept {
    return held != nullptr && held->behind != 0;
  }

  [[nodiscard]] lease_name name() const noexcept { return {info.is_oplock, client, info.key}; }
};

/// The durable state of an open (MS-SMB2 3.3.1.10).
struct durability {
  duration timeout{}; ///< Zero: it is only resilient.
  bool persistent = false;
  create_guid guid;
  std::string server_state; ///< Persistent: opaque bytes of the server.
  duration resilience{}; ///< Zero: it is not resilient.
  bool lapsed = false; ///< While disconnected its resilience has expired, and it is only durable.
  bool detached = false; ///< It is disconnected.
  time_point expires{}; ///< With `detached`: when it expires.
};

/// The last sequence number of each index of an open's lock requests (MS-SMB2 3.3.1.10
/// LockSequenceArray).
class lock_sequences {
public:
  /// Returns whether `s` repeats the last request of its index. If not, the stored number of this
  /// index becomes unknown.
  [[nodiscard]] bool is_replay(const lock_sequence& s) noexcept;

  /// Stores `s` after its request has succeeded.
  void done(const lock_sequence& s) noexcept;

  /// Returns the number of each index, for a snapshot.
  [[nodiscard]] auto& all() noexcept {
    auto& [numbers] = *this;
    return numbers;
  }
  [[nodiscard]] const auto& all() const noexcept {
    auto& [numbers] = *this;
    return numbers;
  }

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

/// The named stream for whose open an open stands.
struct stream_link {
  enum class stage : std::uint8_t { opening, open, closed };

  std::string file; ///< The id of the stream's file.
  stage at = stage::opening; ///< Where the stream's open is.
};

/// An open of the file (MS-SMB2 3.3.1.10).
struct open_entry {
  open_id id{};
  client_guid client;
  channel_id channel; ///< While disconnected, only its node is left.
  tree_id tree{};
  std::uint32_t access = 0;
  std::uint32_t share_access = 0;
  bool delete_on_close = false;
  bool asks_deletion = false; ///< With a pending deletion: it has asked for the deletion.
  bool of_stream = false; ///< It stands for an open of a stream.
  std::unique_ptr<stream_link> stream; ///< The stream, if that is known.
  bool oplock_timed_out = false; ///< The break of its oplock expired.
  bool unknown = false; ///< No response about its lease has been sent yet.
  std::uint32_t unanswered = 0; ///< The number of such responses that are outstanding.
  std::uint32_t answers = 0; ///< The number of the last such response.
  std::uint32_t settled = 0; ///< The number up to which responses no longer count as outstanding.
  lease_entry* lease = nullptr; ///< Its lease or oplock, or null.
  lease_key parent_key; ///< The ParentLeaseKey of its lease request; zero: none.
  std::unique_ptr<durability> durable;
  std::unique_ptr<held_notice> held; ///< That of its oplock.
  std::unique_ptr<lock_sequences> sequences; ///< Created with the first numbered lock request.
  std::unique_ptr<app_instance> instance; ///< The application that made it, if known.
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
  /// Returns whether it is disconnected and is purged if another operation needs the file.
  [[nodiscard]] bool gives_way() const noexcept {
    return is_detached() && !is_persistent() && !is_resilient();
  }
  /// Returns whether its access and share mode count: it is connected or resilient.
  [[nodiscard]] bool takes_part() const noexcept {
    return !is_detached() || (is_resilient() && !is_persistent());
  }
};

/// A change hold: a change of the file that has been announced but not made.
struct hold_entry {
  hold_id id{};
  lease_state withheld{}; ///< What is not granted meanwhile.
  /// The file is being deleted or replaced: opens fail, or wait with `has_successor`.
  bool deleting = false;
  bool of_tree = false; ///< The paths beneath the directory are changing: opens by path wait.
  bool has_successor = false; ///< With `deleting`: opens wait, and look the name up again.
  bool keeps_streams_out = false; ///< The named streams are being removed: opens of streams wait.
  bool prepares_deletion = false; ///< The streams were asked for the deletion that follows.
  client_guid client; ///< With `key`: the client whose own lease is not restricted.
  lease_key key;
  node_id node{}; ///< The node that announced the change; none: the owner of the file.
};

/// The streams that an operation has asked to have caching released.
struct asked_streams {
  access_kind kind{}; ///< As in `leasebreak::streams_asked`.
  std::vector<open_id> opens; ///< The opens that stand for opens of these streams.
  std::uint32_t first_round = 0; ///< The first request of this kind.
  std::uint32_t last_round = 0;
  std::uint32_t unanswered = 0; ///< The number of requests without an answer.
  errc error = errc::success; ///< Why a stream could not be asked.

  [[nodiscard]] bool include(open_id open) const noexcept {
    return std::find(opens.begin(), opens.end(), open) != opens.end();
  }
};

/// Returns the offset below which byte-range locks count, for a file whose AllocationSize is
/// `size`. Implementation specific: the first cluster always counts. Older versions of Windows
/// count every lock, and clients expect that for a lock at the start of an empty file
/// (smb2.lease.lock1).
[[nodiscard]] constexpr std::uint64_t locks_count_below(std::uint64_t size) noexcept {
  constexpr std::uint64_t first_cluster = 4096;
  return size < first_cluster ? first_cluster : size;
}

/// The file must be deleted now.
struct deletion {
  hold_id hold{};
  std::optional<lease_key> parent_key; ///< As in `open_closed`.
};

/// A byte-range lock from a record that has not been reclaimed.
struct recovered_lock {
  client_guid client;
  persisted_lock record;
};

/// The breaking leases for which an operation waits.
struct awaited_breaks {
  const lease_entry* own = nullptr; ///< This lease is excluded.
  lease_state of_leases{}; ///< Leases with one of these bits.
  lease_state of_oplocks{}; ///< Oplocks with one of these bits.
  bool left_read = false; ///< All holders that were told that they keep Read.

  /// Excludes leases without connected opens: these are purged, or make the operation fail.
  [[nodiscard]] bool include(const lease_entry& l) const noexcept {
    return l.info.breaking && !l.recovered && !l.is_unattended() && &l != own &&
      (intersects(l.info.state, l.info.is_oplock ? of_oplocks : of_leases) ||
        (left_read && l.is_left_read()));
  }
};

/// A break for which an operation waits.
struct obstacle {
  lease_name lease;
  break_id id{};
};

/// A pending operation: a command that is evaluated again when something is released.
struct waiting_operation {
  operation_id id{};
  command what;
  client_guid client;
  /// The channel of its request; without a connection, it waits as long as its open exists. Its
  /// node is always set.
  channel_id channel;
  tree_id tree{};
  open_id open{}; ///< Its open; none if the operation creates the open.
  time_point since{};
  std::optional<time_point> deadline; ///< Not set for a byte-range lock, which waits without limit.
  std::optional<obstacle> held_up_by; ///< One of the breaks that block it, or empty if unknown.
  std::optional<lease_name> spared; ///< A close: the lease of the closed open.
  std::unique_ptr<asked_streams> streams; ///< Null: it has asked none.
};

/// Returns 16 hexadecimal digits that identify an open as an owner, in records and in listings.
[[nodiscard]] std::string to_hex(open_id id);

/// Returns the id of a lease's record, if it was not recovered with another one.
[[nodiscard]] std::string made_record_id(const lease_entry& lease, const std::string& file_id);

/// Returns what is wrong with a single lease; empty: nothing.
[[nodiscard]] std::string check_lease(const lease_entry& lease);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
