// The complete state of one file, as a pure state machine.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/file_snapshot.hpp>
#include <leasebreak/model/limits.hpp>
#include <leasebreak/model/listed_entry.hpp>
#include <leasebreak/model/persisted_lock.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

class live_policy;

/// Settings shared by all files of a coordinator, which must outlive them. `duration::max()` means
/// unlimited. With `live`, the durations and limits may change while files exist. A break or a
/// pending operation keeps the deadline with which it has begun.
struct file_policy {
  duration break_timeout = std::chrono::seconds{35}; ///< From a break's start until it expires.
  duration wait_max =
    std::chrono::seconds{70}; ///< From an operation's start until its wait expires.
  /// How long a break is held back at most for a response that the server has not sent. Must not
  /// exceed `break_timeout`.
  duration answer_wait_max = std::chrono::seconds{5};
  limits limit; ///< Upper bounds of what the file accepts.
  /// Gives the durations and limits instead of the members above; null: they do not change.
  const live_policy* live = nullptr;
  bool keep_records = false; ///< Whether `effects::records` is filled.
  std::uint64_t server_epoch = 0; ///< The epoch that is written into records.
};

/// The current values of a policy that changes while files use it. Called in the turns of files, on
/// any thread.
class live_policy {
public:
  /// Returns the member for requests, leases and oplocks through `share`; empty: for all files.
  [[nodiscard]] virtual duration get(
    duration file_policy::*which, std::string_view share) const noexcept = 0;
  [[nodiscard]] virtual std::size_t get(
    std::size_t limits::*which, std::string_view share) const noexcept = 0; ///< The same.
  [[nodiscard]] virtual duration get(
    duration limits::*which, std::string_view share) const noexcept = 0; ///< The same.

protected:
  live_policy() = default;
  live_policy(const live_policy&) = default;
  live_policy& operator=(const live_policy&) = default;
  ~live_policy() = default;
};

/// What follows from `file_state::replace_client`.
struct replaced_client {
  std::vector<open_ended> missing; ///< Opens that are not in the part; disconnected ones expired.
  std::string problem; ///< Why the part is refused; then the client has nothing here.
};

/// One file: its opens, leases, oplocks, byte-range locks, breaks and pending operations.
///
/// Takes a command and the time, and returns effects. It does not sleep, call back, read a clock,
/// log, or allocate beyond its limits. If a command fails, nothing has changed, except where the
/// command's documentation says otherwise. Not thread-safe: it must have one owner at a time.
class file_state {
public:
  /// `policy` must outlive the object. Records are written under `file_id`. The numbers of breaks
  /// and holds are above `view << 40`: of two nodes that own the file one after the other, the
  /// later one has the greater view, below 2^23. 0 without a cluster. They are also above `last`,
  /// the `last_number` of files with this id that were forgotten in the same view, because a late
  /// message may name one of their breaks.
  file_state(
    const file_policy& policy, std::string file_id, std::uint64_t view = 0, std::uint64_t last = 0);
  ~file_state();
  /// Moves the file. The source may only be destroyed or assigned to.
  file_state(file_state&&) noexcept;
  /// Moves the file. The source may only be destroyed or assigned to.
  file_state& operator=(file_state&&) noexcept;

  /// Executes `c` at the time `now` and appends its effects to `out`. `now` must not be earlier
  /// than in a previous call. `may_wait` says whether the coordinator's limit allows another
  /// pending operation. If it is false, an operation that would have to wait fails with
  /// `errc::too_many_waiting`, as it does beyond `limits::waiting_per_file`.
  void apply(const command& c, time_point now, effects& out, bool may_wait = true);

  /// Like `apply` above, for the one command that follows nearly every open.
  void apply(const answer_sent& c, time_point now, effects& out);

  /// Like `apply` above, but returns the effects. For tests and tools.
  [[nodiscard]] effects apply(const command& c, time_point now, bool may_wait = true);

  /// Returns the whole state as of `now`, which must not be earlier than in a previous call of
  /// `apply`.
  [[nodiscard]] file_snapshot export_state(time_point now) const;

  /// Returns a file with the state that `export_state` returned, or the reason why there is none.
  /// It behaves like the original in every respect, except for its policy. Time passes from `now`
  /// on. Pending operations keep their numbers. The memory that is used is proportional to the
  /// number of bytes.
  [[nodiscard]] static std::variant<file_state, snapshot_error> import_state(
    const file_policy& policy, const file_snapshot& from, time_point now);

  /// Returns all that `client` has through `node` as of `now`: opens, connected or not, with their
  /// leases, oplocks, breaks, byte-range locks and outstanding responses. With a zero client: the
  /// change holds of the node. Excludes pending operations, which the node can send again. The
  /// parts of all clients and of none are all that the node has.
  [[nodiscard]] file_snapshot report_client(
    node_id node, const client_guid& client, time_point now) const;

  /// Returns whether the result of `report_client` would contain an open or a change hold.
  [[nodiscard]] bool is_used_by(node_id node, const client_guid& client) const noexcept;

  /// Like `report_client`, for one open. Empty if there is no such open.
  [[nodiscard]] std::optional<file_snapshot> report_open(open_id open, time_point now) const;

  /// Returns a file that has what `reports` of the file `file_id` contain, after the node that
  /// owned it has failed. Fails if a report is about opens of another node. Of two reports about
  /// the same thing, the report with the later state counts. Breaks in progress continue with their
  /// remaining time. Appends what follows from the opens that are missing, such as notifications
  /// that were held back for their responses. `view` is as in the constructor, and above that of
  /// the reports.
  [[nodiscard]] static std::variant<file_state, snapshot_error> rebuild(const file_policy& policy,
    std::string file_id, std::uint64_t view, std::span<const node_report> reports, time_point now,
    effects& out);

  /// Replaces what `client` has here by `part`, which `report_client` returned for the same client
  /// and `node`; null: it has nothing any more. For a copy of what clients have through one node of
  /// a file that another one owns; no other command may be applied to a copy. Deadlines, and
  /// notifications that are held back, are the owner's alone. Takes time proportional to what the
  /// client has.
  [[nodiscard]] replaced_client replace_client(
    node_id node, const client_guid& client, const file_snapshot* part, time_point now);

  /// Appends the notifications of all breaks in progress once more, because those that the former
  /// owner of the file has sent may not have arrived. Each break then has at least half of its time
  /// left.
  void tell_breaks_again(time_point now, effects& out);

  /// Returns when `deadline_reached` is due, or nothing if no deadline is set.
  [[nodiscard]] std::optional<time_point> next_deadline() const;

  /// Returns whether the file has no state, so that the object may be destroyed.
  [[nodiscard]] bool empty() const noexcept;

  /// Returns a number that no break or hold is above.
  [[nodiscard]] std::uint64_t last_number() const noexcept;

  /// Returns the number of pending operations.
  [[nodiscard]] std::size_t waiting() const noexcept;

  /// Returns the number of breaks in progress.
  [[nodiscard]] std::size_t breaking() const noexcept;

  /// Returns the number of the break of the client's lease, or of the oplock of `open` if `key` is
  /// zero, that awaits an acknowledgement. None: there is no such break.
  [[nodiscard]] break_id break_of(
    const client_guid& client, const lease_key& key, open_id open) const noexcept;

  /// Returns whether a notification is held back for a response that has not been sent yet.
  [[nodiscard]] bool holds_back() const noexcept;

  /// Returns whether the file will be deleted, or is being removed or replaced now. If it is a
  /// directory, no entry can be created in it.
  [[nodiscard]] bool is_going() const noexcept;

  /// Returns whether this file has the open `id`.
  [[nodiscard]] bool has_open(open_id id) const noexcept;

  /// Returns whether this file has the open `id` and it is persistent.
  [[nodiscard]] bool is_persistent(open_id id) const noexcept;

  /// Returns the channel of the open `id`; none if it is unknown or disconnected.
  [[nodiscard]] channel_id channel_of(open_id id) const noexcept;

  /// Returns the client of the open `id`, or zero if it is unknown.
  [[nodiscard]] client_guid holder_of(open_id id) const noexcept;

  /// Returns the holder of the break `id`, or zero if it is not in progress.
  [[nodiscard]] client_guid holder_of(break_id id) const noexcept;

  /// Returns how many byte-range locks the open `id` holds.
  [[nodiscard]] std::size_t locks_of(open_id id) const noexcept;

  /// Returns the opens, leases, locks, breaks and pending operations that match `query`.
  [[nodiscard]] std::vector<listed_entry> list(const lock_query& query) const;

  /// Returns the breaks of which more than half of the holder's time is over at `now`. Scans all
  /// leases.
  [[nodiscard]] overdue_breaks overdue(time_point now) const;

  /// Returns the oldest pending operations, at most `most`.
  [[nodiscard]] std::vector<pending_wait> waits(std::size_t most) const;

  /// Checks whether a read or write of `range` through `open` conflicts with a byte-range lock
  /// (MS-FSA 2.1.4.10). Returns `errc::file_lock_conflict` if it does, and `reclaim_needed` if the
  /// lock is one that may still be reclaimed.
  [[nodiscard]] errc check_io(open_id open, const byte_range& range, bool is_write) const;

  /// Returns whether the file will be deleted with its last open (MS-FSA 2.1.5.12.27,
  /// DeletePending).
  [[nodiscard]] bool is_delete_pending() const noexcept;

  /// Returns an empty string if all invariants hold, otherwise a description of the violated one.
  /// For tests.
  [[nodiscard]] std::string check_invariants() const;

  /// Returns the file's id.
  [[nodiscard]] const std::string& file_id() const noexcept;

private:
  friend struct file_state_peek; ///< Lets tests compare states.
  struct impl;
  explicit file_state(std::unique_ptr<impl> state) noexcept;

  std::unique_ptr<impl> impl_;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
