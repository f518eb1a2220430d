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

#include "clients/client.hpp"
#include "completion/operation.hpp"
#include "pending_records.hpp"
#include "runtime/turn_actor.hpp"
#include "store_writer.hpp"

#include <leasebreak/persistence/lock_store.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::detail {

class coordinator_impl;

/// A completion that waits for the store.
struct gated_answer {
  file_ref file;
  std::unique_ptr<operation> op;
  completion with;
  std::uint64_t number = 0; ///< The number of the addition that it waits for.
};

/// The changes of one command.
struct record_lot {
  file_ref changed; ///< If set, is notified when the changes are stored.
  std::vector<stored_change> changes;
  /// Durable mode: completions to deliver when all changes submitted so far are stored.
  std::vector<gated_answer> answers;
  time_point since{};
};

/// A file with records that are not stored yet.
struct changed_file {
  file_ref file;
  std::uint64_t number = 0; ///< As `gated_answer::number`.
};

/// The content of the store when it was opened.
struct store_content {
  store_status status;
  std::uint64_t epoch = 0;
  bool clean = false;
  lock_listing listing;
};

/// Keeps the store up to date. Members may only be used in its own turn, except where noted.
class persistence_actor final : public turn_actor {
public:
  persistence_actor(caf::actor_config& config, coordinator_impl& owner);
  ~persistence_actor() override;
  const char* name() const override;

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
    const auto in_mail = in_mail_.load();
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
  class last_writes;
  template <class Read, class Then>
  void ask_store(Read read, Then then);
  /// The completions and files that wait for records to be stored, each in order.
  struct waiting_list {
    std::vector<gated_answer> answers;
    /// Durable mode: one element for each lot of a file's records.
    std::vector<changed_file> files;
  };
  struct batch {
    std::shared_ptr<record_batch> records; ///< Read by the writer meanwhile.
    waiting_list waiting; ///< Waits until this batch is stored.
  };

  template <class Function>
  void tell(Function f); ///< Thread-safe: runs `f(*this)` in a turn.

  [[nodiscard]] bool open_writer();
  void look_at_mail();
  void take_mail();
  void take(record_lot lot);
  void write_by(time_point due);
  void write_if_due();
  void write();
  void take_epochs();
  void write_done(const store_status& status);
  void write_failed(const store_status& status);
  [[nodiscard]] time_point next_write() const;
  [[nodiscard]] time_point end_of_delay(time_point since) const;
  [[nodiscard]] waiting_list take_stored();
  void stored(waiting_list waiting);
  void answer(std::vector<gated_answer> answers, const store_status& status);
  [[nodiscard]] static bool can_be_undone(const gated_answer& a);
  void undo(const gated_answer& a);
  void loaded(store_content content);
  void recover(lock_listing listing, start_result& result);
  void end_grace();
  void flush_if_done();
  [[nodiscard]] bool ends_clean() const;
  void flush_done(const store_status& status);
  std::shared_ptr<last_writes> write_the_last();
  void set_timer();
  void publish();

  /// Submitted changes. A single message announces them, and they stay here until they must be
  /// written, unless they are urgent or many: a turn for each lot would cost more than everything
  /// else.
  struct mail {
    std::mutex mutex;
    std::vector<record_lot> lots;
    std::size_t changes = 0;
    bool is_noted = false;
    bool is_urgent = false; ///< And announced.
    bool is_closed = false;
  };

  coordinator_impl& owner_;
  mail mail_;
  std::optional<time_point> mail_since_; ///< The age of what was left in the mail.
  std::unique_ptr<store_writer> writer_; ///< Set by the first `load`.
  pending_records pending_;
  waiting_list waiting_; ///< Waits for the changes in `pending_`.
  std::optional<batch> writing_;

  std::optional<time_point> write_at_; ///< When the pending changes must be written.
  std::optional<time_point> grace_until_;
  std::optional<time_point> flush_until_;
  std::optional<time_point> armed_;
  duration pause_{}; ///< The delay after the last failure; zero after a success.
  unsigned failures_ = 0; ///< The number of consecutive failures.
  store_status last_failure_;

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
  std::atomic<std::size_t> in_mail_{0};
  std::atomic<bool> failing_{false};
  std::atomic<std::int64_t> oldest_{0};
};

} // namespace leasebreak::detail
