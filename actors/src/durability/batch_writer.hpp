// Decides which records are written together, when, and what completes after that.
#pragma once

#include "pending_records.hpp"
#include "record_lot.hpp"

#include <leasebreak/model/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Collects changes into batches, one at a time. Does no I/O and reads no clock: the caller writes
/// what `begin` returns, and reports the result. Not thread-safe.
///
///     idle --add, expect--> delayed --begin--> writing --written--> idle or delayed
///                                                 |  ^
///                                              failed| begin
///                                                 v  |
///                                                failing
///
/// Batches have a limited size and follow one another, so that the store never gets more than it
/// can process within its timeout. No record is dropped: the changes of a failed batch are pending
/// again, except where newer ones exist.
class batch_writer {
public:
  struct settings {
    duration delay{}; ///< How long changes may wait for others to be written with them.
    duration retry_min{}; ///< The pause after the first failure. It doubles with each further one.
    duration retry_max{};
    std::size_t batch_max = 0; ///< Records of up to 1 KiB.
    unsigned failures_max = 0; ///< After so many in a row, completions no longer wait.
  };

  enum class phase {
    idle, ///< Nothing to write.
    delayed, ///< `due` says when the next batch begins.
    writing, ///< A batch is being written.
    failing, ///< The last batch failed; `due` says when the next attempt begins.
  };

  /// What waited for records that are stored now, each in order.
  struct released {
    std::vector<gated_answer> answers;
    std::vector<changed_file> files; ///< One element for each lot of a file's records.
  };

  explicit batch_writer(const settings& s) noexcept : settings_(s) {}

  [[nodiscard]] phase state() const noexcept { return phase_; }
  [[nodiscard]] bool is_writing() const noexcept { return phase_ == phase::writing; }
  /// Returns when the next batch should begin: nothing while one is being written, or if there is
  /// nothing to write.
  [[nodiscard]] std::optional<time_point> due() const noexcept;
  /// Returns whether there are changes that are not being written.
  [[nodiscard]] bool has_pending() const noexcept { return !pending_.empty(); }
  [[nodiscard]] std::size_t pending_size() const noexcept { return pending_.size(); }
  /// Returns the number of changes that are not stored.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Returns since when the oldest change waits.
  [[nodiscard]] std::optional<time_point> since() const noexcept;

  /// Notes that the store has a record with this id.
  void know(const std::string& id) { pending_.know(id); }

  /// Adds a lot. Returns what need not wait: changes that cancel each other out leave nothing to
  /// write.
  [[nodiscard]] released add(record_lot lot, time_point now);

  /// Notes that changes since `since` wait elsewhere, which `add` will bring before the next batch.
  void expect(time_point since);
  /// Nothing waits elsewhere any more.
  void expect_nothing();
  [[nodiscard]] bool is_expecting() const noexcept { return expected_.has_value(); }

  /// From now on changes are not delayed, and an attempt that was put off begins at once.
  void hurry(time_point now);

  /// Begins a batch. Precondition: `has_pending`, and none is being written. The changes must not
  /// be changed as long as the batch is being written.
  [[nodiscard]] std::shared_ptr<const record_batch> begin();

  /// The batch is stored. Returns what waited for it.
  [[nodiscard]] released written(time_point now);

  /// The batch is not stored. Returns the completions that do not wait any longer, which are to be
  /// undone: none until `settings::failures_max`.
  [[nodiscard]] std::vector<gated_answer> failed(time_point now);

  /// Returns the completions that do not wait for the batch that is being written.
  [[nodiscard]] std::vector<gated_answer> give_up();

  /// Drops everything that waits. The changes are pending, even those of a batch that is being
  /// written: writing them again does no harm.
  void stop();
  /// After `stop`: takes the changes of a batch, without `begin`.
  [[nodiscard]] std::vector<record_change> take_rest();

private:
  void wait_until(phase p, time_point due) noexcept;
  void wait_at_most_until(time_point due) noexcept;
  [[nodiscard]] time_point next_batch(time_point now) const;
  [[nodiscard]] released take_stored();
  void settle(time_point now);

  const settings settings_;
  pending_records pending_;
  released waiting_; ///< Waits for the changes in `pending_`.
  struct batch {
    std::shared_ptr<record_batch> records;
    released waiting; ///< Waits for this batch.
  };
  std::optional<batch> writing_;
  phase phase_ = phase::idle;
  time_point due_{};
  std::optional<time_point> expected_;
  bool is_hurried_ = false;
  duration pause_{}; ///< After the last failure; zero after a success.
  unsigned failures_ = 0; ///< In a row.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
