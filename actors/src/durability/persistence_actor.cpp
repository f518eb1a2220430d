#include "persistence_actor.hpp"

#include "api/coordinator_impl.hpp"
#include "files/file_actor.hpp"
#include "observe/report.hpp"
#include "store_result.hpp"
#include "undo.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <leasebreak/model/after.hpp>

#include <spdlog/logger.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

/// After this many consecutive failures, grants are undone instead of waiting longer.
constexpr unsigned failures_max = 4;

/// The size of a batch in records of up to 1 KiB. Batches beyond some hundred records gain nothing,
/// and one that the store cannot write within its timeout would be retried forever.
constexpr std::size_t batch_size_max = 1'000;

/// Returns how many changes may stay in the mail. They count against the backlog one by one, even
/// those that will leave nothing, and taking many at once would delay other work.
std::size_t mail_max(const coordinator_config& config) noexcept {
  constexpr std::size_t some = 16;
  return std::min(some, config.store_backlog_max / 8);
}

batch_writer::settings settings_of(const coordinator_config& config) noexcept {
  return {config.write_delay, config.store_retry_min, config.store_retry_max, batch_size_max,
    failures_max};
}

/// Sends a recovered record to its file. Counted as loading until the file has it.
class record_to_load final : public file_message {
public:
  record_to_load(coordinator_impl& owner, persisted_lock record)
    : owner_(owner), what_(load_record{std::move(record)}) {
    owner_.count_loading(1);
  }
  ~record_to_load() override { owner_.count_loading(-1); }
  record_to_load(const record_to_load&) = delete;
  record_to_load& operator=(const record_to_load&) = delete;

  void act(file_actor& file, std::unique_ptr<file_message>) override { file.perform(what_); }

private:
  coordinator_impl& owner_;
  command what_;
};

} // namespace

class persistence_actor::note : public message {
public:
  virtual void act(persistence_actor& self) = 0;
};

/// A function to run in a turn.
class persistence_actor::task final : public note {
public:
  explicit task(std::function<void(persistence_actor&)> f) : run_(std::move(f)) {}
  void act(persistence_actor& self) override { run_(self); }

private:
  std::function<void(persistence_actor&)> run_;
};

class persistence_actor::mail_note final : public note {
public:
  void act(persistence_actor& self) override { self.look_at_mail(); }
};

persistence_actor::persistence_actor(caf::actor_config& config, coordinator_impl& owner)
  : turn_actor(config, owner.scheduler()), owner_(owner),
    mail_(owner.config().durable, mail_max(owner.config())), batch_(settings_of(owner.config())) {}

persistence_actor::~persistence_actor() = default;

// -- messages

template <class Function>
void persistence_actor::tell(Function f) {
  // std::function requires a copyable function, but what is moved in here is not.
  auto shared = std::make_shared<Function>(std::move(f));
  message_ptr m = std::make_unique<task>([shared](persistence_actor& self) { (*shared)(self); });
  static_cast<void>(deliver(m));
}

void persistence_actor::handle(message_ptr m) {
  static_cast<note&>(*m).act(*this);
}

void persistence_actor::left_over(message_ptr m) {
  ending_ = true;
  handle(std::move(m));
}

void persistence_actor::submit(record_lot lot) {
  if (!mail_.put(std::move(lot)))
    return;
  message_ptr m = std::make_unique<mail_note>();
  static_cast<void>(deliver(m));
}

void persistence_actor::load(std::unique_ptr<plain_call<start_result>> op) {
  tell([op = std::move(op)](persistence_actor& self) mutable {
    if (self.loaded_ || self.start_ != nullptr)
      return op->answer(errc::invalid_argument);
    if (self.ending_ || self.owner_.is_stopping())
      return op->answer(errc::shutting_down);
    if (!self.open_writer())
      return op->answer(errc::no_thread);
    self.start_ = std::move(op);
    self.ask_store([](lock_store& store) { return read_store(store); },
      [](persistence_actor& me, store_content c) { me.loaded(std::move(c)); });
  });
}

// Returns false if the system has no thread for the writer.
bool persistence_actor::open_writer() {
  if (writer_ != nullptr)
    return true;
  try {
    writer_ = owner_.make_writer();
  } catch (const std::system_error& e) {
    if (auto* const log = owner_.log())
      log->error("store {}: its thread cannot be started: {}", owner_.store_name(), e.what());
    return false;
  }
  return true;
}

void persistence_actor::flush(std::unique_ptr<plain_call<void>> op) {
  tell([op = std::move(op)](persistence_actor& self) mutable {
    if (!self.loaded_ && self.start_ == nullptr && !self.found_clean_)
      return op->answer(errc::success);
    self.flush_ = std::move(op);
    const auto now = self.owner_.now();
    self.flush_until_ = after(now, self.owner_.config().shutdown_store_wait);
    self.batch_.hurry(now);
  });
}

// Runs `read` on the writer's thread, and then `then` in a turn with its result.
template <class Read, class Then>
void persistence_actor::ask_store(Read read, Then then) {
  writer_->post([owner = owner_.weak(), self = actor_ref<persistence_actor>(*this),
                  read = std::move(read), then = std::move(then)](lock_store& store) {
    auto answer = read(store);
    if (const auto alive = owner.lock())
      self->tell([then, answer = std::move(answer)](
                   persistence_actor& me) mutable { then(me, std::move(answer)); });
  });
}

void persistence_actor::timeout() {
  armed_.reset();
  const auto now = owner_.now();
  if (grace_until_ && *grace_until_ <= now)
    end_grace();
  if (flush_until_ && *flush_until_ <= now) {
    const auto why =
      last_failure_.value_or(store_failure("the store did not take all records in time"));
    answer(batch_.give_up(), why);
    gave_up_ = batch_.is_writing() || marking_ || start_ != nullptr;
    flush_done(why);
  }
}

bool persistence_actor::end_turn() {
  write_if_due();
  flush_if_done();
  set_timer();
  publish();
  return false;
}

void persistence_actor::set_timer() {
  std::optional<time_point> due;
  const auto consider = [&due](const std::optional<time_point>& t) {
    if (t && (!due || *t < *due))
      due = t;
  };
  consider(batch_.due());
  if (!owner_.is_stopping()) // the next start begins it again
    consider(grace_until_);
  consider(flush_until_);
  if (due == armed_)
    return;
  if (due)
    owner_.scheduler().set_timeout(*this, owner_.to_steady(*due));
  else
    owner_.scheduler().cancel_timeout(*this);
  armed_ = due;
}

// -- writing

void persistence_actor::look_at_mail() {
  const auto waiting = mail_.look();
  if (!waiting)
    return;
  batch_.expect(waiting->since);
  if (waiting->is_urgent || flush_ != nullptr)
    take_mail();
}

void persistence_actor::take_mail() {
  auto mail = mail_.take();
  batch_.expect_nothing();
  for (auto& lot : mail.lots)
    take(std::move(lot));
  // In this order, so that the changes are counted at all times.
  publish();
  mail_.forget(mail.changes);
}

void persistence_actor::take(record_lot lot) {
  if (LEASEBREAK_MUTANT(answers_before_store))
    answer(std::exchange(lot.answers, {}), {});
  release(batch_.add(std::move(lot), owner_.now()));
}

void persistence_actor::release(batch_writer::released stored) {
  for (const auto& f : stored.files)
    f.file->records_stored();
  answer(std::move(stored.answers), {});
}

void persistence_actor::write_if_due() {
  const auto due = batch_.due();
  if (ending_ || !loaded_ || !due || owner_.now() < *due)
    return;
  take_mail();
  if (batch_.has_pending()) // otherwise all of it was created and deleted
    write();
}

void persistence_actor::write() {
  take_epochs();
  ask_store([records = batch_.begin()](
              lock_store& store) { return guarded([&] { return store.apply(records->changes); }); },
    [](persistence_actor& self, const store_status& status) { self.write_done(status); });
}

// A failure is retried with the next batch: half of an epoch's ids are left at that time.
void persistence_actor::take_epochs() {
  if (taking_epoch_ || open_ids::epochs_needed() <= epochs_)
    return;
  taking_epoch_ = true;
  ask_store(
    [](
      lock_store& store) { return guarded([&] { return store.increment_server_epoch().status; }); },
    [](persistence_actor& self, const store_status& status) {
      self.taking_epoch_ = false;
      self.epochs_ += status.ok() ? 1U : 0U;
    });
}

void persistence_actor::write_done(const store_status& status) {
  if (!batch_.is_writing())
    return; // the actor was stopped meanwhile
  if (!status.ok())
    return write_failed(status);
  const auto before = batch_.size();
  auto stored = batch_.written(owner_.now());
  const auto size = before - batch_.size();
  last_failure_.reset();
  if (failing_.exchange(false))
    if (auto* const log = owner_.log())
      log->warn("store {} works again, {} records were written, {} wait", owner_.store_name(), size,
        batch_.size());
  auto& count = owner_.count();
  count.add(counters::store_batches);
  count.add(counters::records_written, static_cast<std::int64_t>(size));
  release(std::move(stored));
}

void persistence_actor::write_failed(const store_status& status) {
  last_failure_ = status;
  owner_.count().add(counters::store_failures);
  auto lost = batch_.failed(owner_.now());
  if (!failing_.exchange(true))
    if (auto* const log = owner_.log())
      log->error("store {} fails, {} records wait and are tried again: {}: {}", owner_.store_name(),
        batch_.size(), status.code.message(), status.detail);
  answer(std::move(lost), status);
}

void persistence_actor::answer(std::vector<gated_answer> answers, const store_status& status) {
  const auto error = errc_of(status);
  for (auto& a : answers) {
    if (error != errc::success && can_be_undone(a)) {
      undo(a);
      a.with.error = error;
      a.with.result = {};
    }
    auto& op = *a.op;
    op.finish(*a.file, std::move(a.op), a.with.error, a.with.result);
  }
}

// -- starting

void persistence_actor::loaded(store_content content) {
  if (ending_ || start_ == nullptr)
    return;
  auto op = std::move(start_);
  if (!content.status.ok()) {
    if (auto* const log = owner_.log())
      log->error("store {} cannot be read: {}: {}", owner_.store_name(),
        content.status.code.message(), content.status.detail);
    op->answer(errc_of(content.status));
    if (flush_ != nullptr)
      flush_done({}); // nothing was begun that would have to be ended
    return;
  }
  if (owner_.is_stopping()) {
    found_clean_ = content.clean;
    return op->answer(errc::shutting_down);
  }
  loaded_ = true;
  start_result result;
  result.clean = content.clean;
  result.server_epoch = content.epoch;
  owner_.set_epoch(content.epoch);
  recover(std::move(content.listing), result);
  owner_.set_started();
  if (auto* const log = owner_.log()) {
    log->info("store {} read: epoch {}, {} records recovered, {} malformed, last stop {}{}",
      owner_.store_name(), result.server_epoch, result.recovered, result.malformed.size(),
      result.clean ? "in order" : "not in order", result.in_grace ? ", grace begins" : "");
    for (const auto& m : result.malformed)
      log->error("store {}: {}", owner_.store_name(), to_string(m));
  }
  op->complete(error_code{}, std::move(result));
}

void persistence_actor::recover(lock_listing listing, start_result& result) {
  auto plan = plan_recovery(std::move(listing), owner_.limit(&limits::file_id_bytes));
  for (const auto& id : plan.known)
    batch_.know(id);
  result.malformed = std::move(plan.malformed);
  result.opens = std::move(plan.opens);
  result.recovered = plan.records.size();
  if (!send_to_files(std::move(plan.records)) || recovered_.empty())
    return;
  result.in_grace = !result.clean && owner_.config().grace > duration::zero();
  owner_.set_in_grace(result.in_grace);
  if (result.in_grace)
    grace_until_ = after(owner_.now(), owner_.config().grace);
  else
    end_grace();
}

// Returns false if the coordinator is stopping.
bool persistence_actor::send_to_files(std::vector<persisted_lock> records) {
  for (auto& record : records) {
    const auto file_id = record.file_id;
    message_ptr m = std::make_unique<record_to_load>(owner_, std::move(record));
    const auto file = owner_.files().deliver(file_id, m);
    if (!file)
      return false;
    recovered_.push_back(file);
  }
  const auto by_age = [](const auto& a, const auto& b) { return a->id() < b->id(); };
  std::sort(recovered_.begin(), recovered_.end(), by_age);
  recovered_.erase(std::unique(recovered_.begin(), recovered_.end(),
                     [](const auto& a, const auto& b) { return a.get() == b.get(); }),
    recovered_.end());
  return true;
}

void persistence_actor::end_grace() {
  grace_until_.reset();
  owner_.set_in_grace(false);
  for (const auto& file : std::exchange(recovered_, {})) {
    message_ptr m = std::make_unique<plain_command>(grace_ended{});
    static_cast<void>(file->deliver(m));
  }
}

// -- stopping

void persistence_actor::flush_if_done() {
  const bool is_busy = start_ != nullptr || batch_.is_writing() || marking_;
  if (flush_ == nullptr || is_busy || batch_.has_pending() || batch_.is_expecting() || ending_)
    return;
  marking_ = true;
  ask_store(
    [clean = ends_clean()](
      lock_store& store) { return guarded([&] { return store.set_clean_shutdown(clean); }); },
    [](persistence_actor& self, const store_status& status) {
      self.marking_ = false;
      self.marked_ = status.ok();
      if (self.flush_ != nullptr)
        self.flush_done(status);
    });
}

// A grace period that was not over is given again, even over several starts.
bool persistence_actor::ends_clean() const {
  return found_clean_.value_or(!grace_until_);
}

void persistence_actor::flush_done(const store_status& status) {
  flush_until_.reset();
  if (!status.ok())
    if (auto* const log = owner_.log())
      log->error("store {} could not be closed in order, {} records are not written: {}: {}",
        owner_.store_name(), backlog(), status.code.message(), status.detail);
  if (flush_ != nullptr)
    std::exchange(flush_, nullptr)->answer(errc_of(status));
}

void persistence_actor::stopped() {
  mail_.close();
  take_mail();
  // All of them complete with `errc::shutting_down`.
  start_.reset();
  flush_.reset();
  batch_.stop();
}

void persistence_actor::finish_store() {
  if (writer_ == nullptr)
    return;
  // Do not wait again for a store that has not responded.
  const auto wait_max = gave_up_ ? duration::zero() : owner_.config().shutdown_store_wait;
  std::shared_ptr<last_writes> last;
  if ((loaded_ || found_clean_) && !gave_up_ && !(marked_ && !batch_.has_pending()))
    last = write_the_last();
  if (!writer_->finish(wait_max)) {
    if (last)
      last->silence();
    if (auto* const log = owner_.log())
      log->error("store {} does not answer and is left behind", owner_.store_name());
  }
  writer_.reset();
}

// Post one job per batch, so that an abandoned writer thread stops after the batch it is executing.
std::shared_ptr<last_writes> persistence_actor::write_the_last() {
  auto end =
    std::make_shared<last_writes>(owner_.shared_log(), owner_.store_name(), batch_.pending_size());
  while (batch_.has_pending())
    writer_->post(
      [end, changes = std::make_shared<const std::vector<record_change>>(batch_.take_rest())](
        lock_store& store) { end->step([&] { return store.apply(*changes); }, changes->size()); });
  writer_->post([end, clean = ends_clean()](lock_store& store) {
    end->step([&] { return store.set_clean_shutdown(clean); }, 0);
  });
  return end;
}

void persistence_actor::publish() {
  backlog_.store(batch_.size());
  oldest_.store(batch_.since().value_or(time_point{}).time_since_epoch().count());
}

time_point persistence_actor::oldest() const noexcept {
  return time_point{duration{oldest_.load()}};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
