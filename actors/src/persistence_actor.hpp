// The actor between the files and the store. The files report, and go on; it collects what changed,
// and has one batch at a time written, on the writer's thread. What waits is written in batches of
// a limited size, in the order in which it came in, so that no store gets more than it can take
// within its time.
//
// Durable mode: a grant comes with the records that it changed, and is answered once they and all
// that came before are in the store; so is leave to change a file if caches were broken for it, and
// the end of a persistent open or of its locks. If the store keeps failing, what was granted is
// taken back and answered with the store's error.
#pragma once

#include "client.hpp"
#include "operation.hpp"
#include "pending_records.hpp"
#include "store_writer.hpp"
#include "turn_actor.hpp"

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

/// An answer that waits for the store.
struct gated_answer {
  file_ref file;
  std::unique_ptr<operation> op;
  completion with;
  std::uint64_t number = 0; ///< Of the changes that it came with, and waits for.
};

/// What a command has changed.
struct record_lot {
  file_ref changed; ///< If given, is told when the changes are in the store.
  std::vector<stored_change> changes;
  /// Durable mode: are given when all is in the store that was handed over before.
  std::vector<gated_answer> answers;
  time_point since{};
};

/// A file with records that are on their way to the store.
struct changed_file {
  file_ref file;
  std::uint64_t number = 0; ///< As `gated_answer::number`.
};

/// What the store had to say when it was opened.
struct store_content {
  store_status status;
  std::uint64_t epoch = 0;
  bool clean = false;
  lock_listing listing;
};

/// Keeps the store up to date. Members without a note are for its own turn.
class persistence_actor final : public turn_actor {
public:
  persistence_actor(caf::actor_config& config, coordinator_impl& owner);
  ~persistence_actor() override;
  const char* name() const override;

  // -- any thread

  /// Has it stored, and told of as the lot says.
  void submit(record_lot lot);
  /// Reads the store and starts all over: see `coordinator::async_start`.
  void load(std::unique_ptr<plain_call<start_result>> op);
  /// Writes what there is, and marks the store as closed in order.
  void flush(std::unique_ptr<plain_call<void>> op);
  /// How many records wait.
  [[nodiscard]] std::size_t backlog() const noexcept {
    // In this order: what goes from one to the other meanwhile counts twice, and not never.
    const auto in_mail = in_mail_.load();
    return in_mail + backlog_.load();
  }
  [[nodiscard]] bool is_failing() const noexcept { return failing_.load(); }
  /// Since when the oldest waits; the epoch if none does.
  [[nodiscard]] time_point oldest() const noexcept;

  /// After `stop`, on the thread that called it: writes what is left, for a bounded time.
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
  /// Who waits for records to be in the store; each in the order they came in.
  struct waiting_list {
    std::vector<gated_answer> answers;
    std::vector<changed_file> files; ///< Durable mode: once for each lot of a file's records.
  };
  struct batch {
    std::shared_ptr<record_batch> records; ///< Read by the writer meanwhile.
    waiting_list waiting; ///< Is over once this is in the store.
  };

  template <class Function>
  void tell(Function f); ///< Any thread: runs `f(*this)` in a turn.

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

  /// What was submitted. As long as that is not urgent and not much, one note says that there is
  /// something, and it stays here until it is to be written: a turn for each lot costs more than
  /// all else that is done with it.
  struct mail {
    std::mutex mutex;
    std::vector<record_lot> lots;
    std::size_t changes = 0;
    bool is_noted = false;
    bool is_urgent = false; ///< And noted.
    bool is_closed = false;
  };

  coordinator_impl& owner_;
  mail mail_;
  std::optional<time_point> mail_since_; ///< Of what was left in the mail.
  std::unique_ptr<store_writer> writer_; ///< From the first `load` on.
  pending_records pending_;
  waiting_list waiting_; ///< For what is in `pending_`.
  std::optional<batch> writing_;

  std::optional<time_point> write_at_; ///< When what is pending is to be written.
  std::optional<time_point> grace_until_;
  std::optional<time_point> flush_until_;
  std::optional<time_point> armed_;
  duration pause_{}; ///< After the last failure; zero: it worked.
  unsigned failures_ = 0; ///< In a row.
  store_status last_failure_;

  std::vector<file_ref> recovered_; ///< Files with recovered records, until the grace ends.
  std::unique_ptr<plain_call<start_result>> start_;
  std::unique_ptr<plain_call<void>> flush_;
  /// How a store was that was read only when all was to stop: so it is left.
  std::optional<bool> found_clean_;
  std::uint64_t epochs_ = 1; ///< Taken since the start; see `open_ids`.
  bool taking_epoch_ = false;
  bool marking_ = false; ///< The writer sets the mark of how it ended.
  bool marked_ = false;
  bool gave_up_ = false; ///< The store did not answer while it was to be closed.
  bool loaded_ = false; ///< The store was read, and is to be kept up to date.
  bool ending_ = false; ///< Stopped from outside: state is brought up to date, nothing is begun.

  std::atomic<std::size_t> backlog_{0};
  std::atomic<std::size_t> in_mail_{0};
  std::atomic<bool> failing_{false};
  std::atomic<std::int64_t> oldest_{0};
};

} // namespace leasebreak::detail
