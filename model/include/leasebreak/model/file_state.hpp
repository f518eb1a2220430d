// Everything about one file, as a pure state machine.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>
#include <leasebreak/model/limits.hpp>
#include <leasebreak/model/persisted_lock.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak {

/// What all files of a coordinator have in common; it outlives them. `duration::max()` is for ever.
struct file_policy {
  duration break_timeout = std::chrono::seconds{35}; ///< From a break's start until it is given up.
  duration wait_max =
    std::chrono::seconds{70}; ///< From an operation's arrival until it stops waiting.
  /// How long a break is held back at most for an answer that the server has not sent; no longer
  /// than `break_timeout`.
  duration answer_wait_max = std::chrono::seconds{5};
  limits limit;
  bool keep_records = false; ///< Whether `effects::records` is filled.
  std::uint64_t server_epoch = 0; ///< Written into records.
};

/// One file: its opens, leases, oplocks, byte-range locks, breaks, and the operations that wait.
///
/// A command and the time go in, effects come out. Nothing here sleeps, calls back, looks at a
/// clock, logs or allocates beyond its limits. An error means that nothing changed, except
/// where a command says otherwise. Not
/// thread-safe: one owner at a time.
class file_state {
public:
  /// `policy` must outlive the object. `file_id` is what records are written under.
  file_state(const file_policy& policy, std::string file_id);
  ~file_state();
  file_state(file_state&&) noexcept;
  file_state& operator=(file_state&&) noexcept;

  /// Carries out `c` at the time `now` and appends to `out` what it leads to. `now` must not be
  /// earlier than in a previous call. `may_wait`: whether there is room for one more that waits,
  /// here and elsewhere; without it, an operation that would have to wait fails with
  /// `errc::too_many_waiting`, as with `limits::waiting_per_file`.
  void apply(const command& c, time_point now, effects& out, bool may_wait = true);

  /// The same for the one command that follows nearly every open.
  void apply(const answer_sent& c, time_point now, effects& out);

  /// As above, for tests and tools.
  [[nodiscard]] effects apply(const command& c, time_point now, bool may_wait = true);

  /// When `deadline_reached` is due; nothing if there is nothing to wait for.
  [[nodiscard]] std::optional<time_point> next_deadline() const;

  /// Whether the file owns nothing: such an object may be thrown away.
  [[nodiscard]] bool empty() const noexcept;

  /// How many operations wait.
  [[nodiscard]] std::size_t waiting() const noexcept;

  /// How many breaks are in progress.
  [[nodiscard]] std::size_t breaking() const noexcept;

  /// Whether a notification is held back for an answer that is not sent yet.
  [[nodiscard]] bool holds_back() const noexcept;

  /// Whether the file is to be deleted, or is being removed or replaced just now. No entry can be
  /// made in such a directory.
  [[nodiscard]] bool is_going() const noexcept;

  /// Whether the open `id` is here.
  [[nodiscard]] bool has_open(open_id id) const noexcept;

  /// Whether the open `id` is here, and persistent.
  [[nodiscard]] bool is_persistent(open_id id) const noexcept;

  /// Where the open `id` is; none if it is not here, or without a connection.
  [[nodiscard]] channel_id channel_of(open_id id) const noexcept;

  /// How many byte-range locks the open `id` holds.
  [[nodiscard]] std::size_t locks_of(open_id id) const noexcept;

  /// What is held, breaking and waiting here, as far as `query` matches.
  [[nodiscard]] std::vector<listed_entry> list(const lock_query& query) const;

  /// Whether a read or write of `range` through `open` meets a byte-range lock (MS-FSA 2.1.4.10).
  /// `errc::file_lock_conflict` if it does; `reclaim_needed` if it meets one that may be reclaimed.
  [[nodiscard]] errc check_io(open_id open, const byte_range& range, bool is_write) const;

  /// Whether the file is to be deleted with its last open (MS-FSA 2.1.5.12.27, DeletePending).
  [[nodiscard]] bool is_delete_pending() const noexcept;

  /// Empty if everything that must always hold does; otherwise what does not. For tests.
  [[nodiscard]] std::string check_invariants() const;

  [[nodiscard]] const std::string& file_id() const noexcept;

private:
  friend struct file_state_peek; ///< Of tests that tell states apart.
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace leasebreak
