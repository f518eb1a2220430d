// The actor between the files and the store. Files report changes without waiting. The actor
// collects changes and writes one batch at a time on the writer's thread. Batches have a limited
// size and are written in order, so that the store never gets more than it can process within its
// timeout.
//
// Durable mode: these operations come with their records, and complete only after these and all
// earlier records are stored: grants, permission to change a file if caches were broken for it, and
// the end of a persistent open or of its locks. If the store keeps failing, the grants are undone
// and complete with the store's error.
#pragma once

#include "batch_writer.hpp"
#include "completion/operation.hpp"
#include "last_writes.hpp"
#include "record_lot.hpp"
#include "record_mail.hpp"
#include "recovery.hpp"
#include "runtime/turn_actor.hpp"
#include "store_writer.hpp"

#include <leasebreak/persistence/lock_store.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class coordinator_impl;

/// Keeps the store up to date: takes lots from the mail, asks the batch writer what to write when,
/// and lets the store's thread do it. Members may only be used in its own turn, except where noted.
class persistence_actor final : public turn_actor {
public:
  persistence_actor(caf::actor_config& config, coordinator_impl& owner);
  ~persistence_actor() override;

  // -- thread-safe

  /// Submits changes to be stored, with their completions.
  void submit(record_lot lot);
  /// Loads the store; see `coordinator::async_start`.
  void load(std::unique_ptr<plain_call<start_result>> op);
  /// Writes all pending changes, and marks the store as cleanly closed.
  void flush(std::unique_ptr<plain_call<void>> op);
  /// Returns the number of unwritten records.
  [[nodiscard]] std::size_t backlog() const noexcept {
    // Read in this order: a record that moves between the two is counted twice rather than not at
    // all.
    const auto in_mail = mail_.size();
    return in_mail + backlog_.load();
  }
  [[nodiscard]] bool is_failing() const noexcept { return failing_.load(); }
  /// Returns since when the oldest record waits; the clock's epoch if none does.
  [[nodiscard]] time_point oldest() const noexcept;

  /// Called after `stop`, on the same thread: writes the remaining changes within a limited time.
  void finish_store();

protected:
  void handle(message_ptr m) override;
  void left_over(message_ptr m) override;
  void timeout() override;
  bool end_turn() override;
  void unused() override {}
  void stopped() override;

private:
  class note;
  class task;
  class mail_note;
  template <class Function>
  void tell(Function f); ///< Thread-safe: runs `f(*this)` in a turn.
  template <class Read, class Then>
  void ask_store(Read read, Then then);

  // Starting.
  [[nodiscard]] bool open_writer();
  void loaded(store_content content);
  void recover(lock_listing listing, start_result& result);
  [[nodiscard]] bool send_to_files(std::vector<persisted_lock> records);
  void end_grace();

  // Writing.
  void look_at_mail();
  void take_mail();
  void take(record_lot lot);
  void write_if_due();
  void write();
  void take_epochs();
  void write_done(const store_status& status);
  void write_failed(const store_status& status);
  void release(batch_writer::released stored);
  void answer(std::vector<gated_answer> answers, const store_status& status);

  // Stopping.
  void flush_if_done();
  [[nodiscard]] bool ends_clean() const;
  void flush_done(const store_status& status);
  std::shared_ptr<last_writes> write_the_last();

  void set_timer();
  void publish();

  coordinator_impl& owner_;
  record_mail mail_;
  batch_writer batch_;
  std::unique_ptr<store_writer> writer_; ///< Set by the first `load`.

  std::optional<time_point> grace_until_;
  std::optional<time_point> flush_until_;
  std::optional<time_point> armed_;
  std::optional<store_status> last_failure_; ///< Nothing after a success.

  std::vector<file_ref> recovered_; ///< Files with recovered records, until the grace period ends.
  std::unique_ptr<plain_call<start_result>> start_;
  std::unique_ptr<plain_call<void>> flush_;
  /// The mark of a store that was read only after a shutdown began, which must be left unchanged.
  std::optional<bool> found_clean_;
  std::uint64_t epochs_ = 1; ///< Epochs taken since the start; see `open_ids`.
  bool taking_epoch_ = false;
  bool marking_ = false; ///< The writer is setting the mark of the shutdown.
  bool marked_ = false;
  bool gave_up_ = false; ///< The store did not respond during shutdown.
  bool loaded_ = false; ///< The store was loaded and must be kept up to date.
  bool ending_ = false; ///< Stopped from outside: update the state, but begin nothing.

  std::atomic<std::size_t> backlog_{0};
  std::atomic<bool> failing_{false};
  std::atomic<std::int64_t> oldest_{0};
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
