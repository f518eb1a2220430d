#include "persistence_actor.hpp"

#include "api/coordinator_impl.hpp"
#include "files/file_actor.hpp"
#include "observe/report.hpp"
#include "runtime/mutant.hpp"

#include <leasebreak/model/after.hpp>

#include <spdlog/logger.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <system_error>

namespace leasebreak::detail {

namespace {

constexpr caf::atom_value store_tick = caf::atom("lb.store");

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

errc errc_of(const store_status& status) noexcept {
  if (status.ok())
    return errc::success;
  return status.code.category() == leasebreak_category() ? static_cast<errc>(status.code.value())
                                                         : errc::store_unavailable;
}

store_status failure(const char* what) {
  return {make_error_code(errc::store_unavailable), what};
}

/// Stores must not throw; one that does must not end the host's process.
template <class Function>
store_status guarded(Function f) {
  try {
    return f();
  } catch (const std::exception& e) {
    return failure(e.what());
  } catch (...) {
    return failure("unknown exception");
  }
}

store_content read_store(lock_store& store) {
  store_content c;
  c.status = guarded([&]() -> store_status {
    const auto before = store.server_epoch();
    if (!before.ok())
      return before.status;
    const auto clean = store.clean_shutdown();
    if (!clean.ok())
      return clean.status;
    auto listing = store.list({});
    if (!listing.ok())
      return listing.status;
    const auto epoch = store.increment_server_epoch();
    if (!epoch.ok())
      return epoch.status;
    c.clean = before.value == 0 || clean.value;
    c.epoch = epoch.value;
    c.listing = std::move(listing.value);
    return store.set_clean_shutdown(false);
  });
  return c;
}

/// Returns the records in the order that `load_record` requires: leases, opens, byte-range locks.
std::vector<persisted_lock> in_order_of_loading(std::vector<persisted_lock> records) {
  const auto opens = std::stable_partition(
    records.begin(), records.end(), [](const persisted_lock& r) { return r.is_lease(); });
  std::stable_partition(opens, records.end(), [](const persisted_lock& r) { return r.is_open(); });
  return records;
}

recovered_open describe_open(const persisted_lock& record) {
  const auto& kept = *record.open;
  recovered_open o;
  o.file = record.file_id;
  o.open = open_id{kept.id};
  if (const auto client = from_hex(record.client_id))
    o.client.bytes = *client;
  o.share = record.share_name;
  o.access = kept.access;
  o.share_access = kept.share_access;
  o.delete_on_close = kept.delete_on_close;
  std::copy(kept.create_guid.begin(), kept.create_guid.end(), o.guid.bytes.begin());
  if (!kept.lease_key.empty()) {
    o.key.emplace();
    std::copy(kept.lease_key.begin(), kept.lease_key.end(), o.key->bytes.begin());
  }
  o.timeout = std::chrono::milliseconds{kept.timeout_ms};
  o.server_state = kept.server_state;
  return o;
}

/// Returns whether the request was a replay without effects of its own. The effects are undone with
/// the original request.
bool repeats_another(const gated_answer& a) {
  return std::holds_alternative<lock_replayed>(a.with.result) ||
    std::holds_alternative<replay_open>(a.op->what);
}

/// Moves the elements whose records are all older than `oldest` from the front of `all` to the end
/// of `to`.
template <class Waiting>
void move_stored(std::vector<Waiting>& all, std::uint64_t oldest, std::vector<Waiting>& to) {
  const auto end = std::find_if(
    all.begin(), all.end(), [oldest](const auto& waiting) { return waiting.number >= oldest; });
  std::move(all.begin(), end, std::back_inserter(to));
  all.erase(all.begin(), end);
}

template <class Waiting>
void put_in_front(std::vector<Waiting> older, std::vector<Waiting>& all) {
  std::move(all.begin(), all.end(), std::back_inserter(older));
  all = std::move(older);
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

/// Undoes a grant; has no result.
class undo_step final : public operation {
public:
  explicit undo_step(command c) { what = std::move(c); }
  void finish(
    file_actor& file, std::unique_ptr<operation>, errc, operation_result& result) override {
    // The file is not deleted now: its pending deletion is dropped with the open.
    if (const auto* const closed = std::get_if<open_closed>(&result))
      file.make_hold(closed->hold).release();
  }
};

} // namespace

/// The writes after the end. They stop at the first failure.
class persistence_actor::last_writes {
public:
  last_writes(std::shared_ptr<spdlog::logger> log, std::string store, std::size_t records)
    : store_(std::move(store)), left_(records), log_(std::move(log)) {}

  template <class Write>
  void step(Write write, std::size_t records) {
    if (failed_)
      return;
    const auto status = guarded(write);
    failed_ = !status.ok();
    if (!failed_) {
      left_ -= records;
      return;
    }
    const std::lock_guard lock(mutex_);
    if (log_ != nullptr)
      log_->error("store {} could not be closed in order, {} records are not written: {}: {}",
        store_, left_, status.code.message(), status.detail);
  }

  /// Ends logging, because the coordinator is about to be destroyed.
  void silence() {
    const std::lock_guard lock(mutex_);
    log_.reset();
  }

private:
  const std::string store_;
  std::size_t left_; ///< Unwritten records.
  bool failed_ = false;
  std::mutex mutex_;
  std::shared_ptr<spdlog::logger> log_;
};

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
  : turn_actor(config), owner_(owner) {}

persistence_actor::~persistence_actor() = default;

const char* persistence_actor::name() const {
  return "leasebreak.persistence";
}

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
  const auto& config = owner_.config();
  {
    const std::lock_guard lock(mail_.mutex);
    if (mail_.is_closed)
      return;
    in_mail_.fetch_add(lot.changes.size());
    mail_.changes += lot.changes.size();
    mail_.lots.push_back(std::move(lot));
    const bool urgent = config.durable || mail_.changes >= mail_max(config);
    const bool noted = urgent ? mail_.is_urgent : mail_.is_noted;
    mail_.is_noted = true;
    mail_.is_urgent |= urgent;
    if (noted)
      return;
  }
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
    self.write_at_ = now;
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
      failures_ != 0 ? last_failure_ : failure("the store did not take all records in time");
    answer(std::exchange(waiting_.answers, {}), why);
    gave_up_ = writing_.has_value() || marking_ || start_ != nullptr;
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
  if (!writing_)
    consider(write_at_);
  if (!owner_.is_stopping()) // the next start begins it again
    consider(grace_until_);
  consider(flush_until_);
  if (due == armed_)
    return;
  auto& clock = owner_.system().clock();
  if (due)
    clock.set_ordinary_timeout(owner_.to_steady(*due), this, store_tick, 0);
  else
    clock.cancel_ordinary_timeout(this, store_tick);
  armed_ = due;
}

// -- writing

void persistence_actor::look_at_mail() {
  bool is_urgent = flush_ != nullptr;
  {
    const std::lock_guard lock(mail_.mutex);
    if (mail_.lots.empty())
      return;
    is_urgent |= mail_.is_urgent;
    mail_since_ = mail_.lots.front().since;
  }
  if (is_urgent)
    take_mail();
  else if (failures_ == 0)
    write_by(end_of_delay(*mail_since_));
}

void persistence_actor::take_mail() {
  std::vector<record_lot> lots;
  std::size_t changes = 0;
  {
    const std::lock_guard lock(mail_.mutex);
    lots.swap(mail_.lots);
    changes = std::exchange(mail_.changes, 0);
    mail_.is_noted = mail_.is_urgent = false;
  }
  mail_since_.reset();
  for (auto& lot : lots)
    take(std::move(lot));
  // In this order, so that the changes are counted at all times.
  publish();
  in_mail_.fetch_sub(changes);
}

void persistence_actor::take(record_lot lot) {
  const auto number = pending_.add(std::move(lot.changes), lot.since);
  if (LEASEBREAK_MUTANT(answers_before_store))
    answer(std::exchange(lot.answers, {}), {});
  for (auto& a : lot.answers) {
    a.number = number;
    waiting_.answers.push_back(std::move(a));
  }
  if (lot.changed)
    waiting_.files.push_back({std::move(lot.changed), number});
  // Records that were created and deleted before a write need no write. Records in the batch in
  // flight still do.
  if (!writing_)
    stored(take_stored());
  if (pending_.empty()) {
    if (failures_ == 0)
      write_at_.reset();
    return;
  }
  if (failures_ == 0)
    write_by(next_write());
}

void persistence_actor::write_by(time_point due) {
  if (!write_at_ || due < *write_at_)
    write_at_ = due;
}

// Returns now if an operation waits. Changes that come while the writer is busy make up the next
// batch.
time_point persistence_actor::next_write() const {
  return waiting_.answers.empty() && flush_ == nullptr ? end_of_delay(pending_.since())
                                                       : owner_.now();
}

time_point persistence_actor::end_of_delay(time_point since) const {
  return after(since, owner_.config().write_delay);
}

// Returns the completions and files that wait for no pending record. Those of a batch in flight
// only wait for that batch.
persistence_actor::waiting_list persistence_actor::take_stored() {
  waiting_list stored;
  move_stored(waiting_.answers, pending_.oldest_number(), stored.answers);
  move_stored(waiting_.files, pending_.oldest_number(), stored.files);
  return stored;
}

void persistence_actor::stored(waiting_list waiting) {
  for (const auto& f : waiting.files)
    f.file->records_stored();
  answer(std::move(waiting.answers), {});
}

void persistence_actor::write_if_due() {
  if (pending_.empty() && !mail_since_)
    write_at_.reset();
  if (ending_ || !loaded_ || writing_ || !write_at_ || owner_.now() < *write_at_)
    return;
  take_mail();
  if (pending_.empty())
    write_at_.reset(); // all of it was created and deleted
  else
    write();
}

void persistence_actor::write() {
  take_epochs();
  write_at_.reset();
  writing_.emplace();
  writing_->records = std::make_shared<record_batch>(pending_.take(batch_size_max));
  writing_->waiting = take_stored();
  ask_store([records = writing_->records](
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
  if (!writing_)
    return;
  if (!status.ok())
    return write_failed(status);
  auto taken = std::exchange(writing_, std::nullopt);
  const auto size = taken->records->changes.size();
  pending_.written(*taken->records);
  if (failing_.exchange(false))
    if (auto* const log = owner_.log())
      log->warn("store {} works again, {} records were written, {} wait", owner_.store_name(), size,
        pending_.size());
  failures_ = 0;
  pause_ = duration::zero();
  auto& count = owner_.count();
  count.add(counters::store_batches);
  count.add(counters::records_written, static_cast<std::int64_t>(size));
  stored(std::move(taken->waiting));
  stored(take_stored());
  if (!pending_.empty())
    write_at_ = next_write();
  else if (mail_since_)
    write_by(end_of_delay(*mail_since_));
}

// No record is dropped: the batch becomes pending again, except where newer changes exist.
void persistence_actor::write_failed(const store_status& status) {
  ++failures_;
  last_failure_ = status;
  owner_.count().add(counters::store_failures);
  pending_.put_back(std::move(*writing_->records));
  put_in_front(std::move(writing_->waiting.answers), waiting_.answers);
  put_in_front(std::move(writing_->waiting.files), waiting_.files);
  writing_.reset();
  const auto& config = owner_.config();
  const auto longer = pause_ < config.store_retry_max / 2 ? pause_ * 2 : config.store_retry_max;
  pause_ = std::max(longer, config.store_retry_min);
  write_at_ = after(owner_.now(), pause_);
  if (!failing_.exchange(true))
    if (auto* const log = owner_.log())
      log->error("store {} fails, {} records wait and are tried again: {}: {}", owner_.store_name(),
        pending_.size(), status.code.message(), status.detail);
  if (failures_ >= failures_max)
    answer(std::exchange(waiting_.answers, {}), status);
}

void persistence_actor::answer(std::vector<gated_answer> answers, const store_status& status) {
  const auto error = errc_of(status);
  for (auto& a : answers) {
    if (error != errc::success && can_be_undone(a)) {
      if (!repeats_another(a))
        undo(a);
      a.with.error = error;
      a.with.result = {};
    }
    auto& op = *a.op;
    op.finish(*a.file, std::move(a.op), a.with.error, a.with.result);
  }
}

// Ended opens and locks are gone, recorded or not, and a disposition stays as it was set.
bool persistence_actor::can_be_undone(const gated_answer& a) {
  if (const auto* const access = std::get_if<access_file>(&a.op->what))
    return access->kind != access_kind::set_delete && access->kind != access_kind::clear_delete;
  return !std::holds_alternative<close_open>(a.op->what) &&
    !std::holds_alternative<unlock_ranges>(a.op->what);
}

// Undoes a grant that could not be recorded.
void persistence_actor::undo(const gated_answer& a) {
  std::vector<command> steps;
  if (const auto* granted = std::get_if<open_granted>(&a.with.result)) {
    if (granted->hold != hold_id::none)
      steps.emplace_back(end_hold{granted->hold});
    steps.emplace_back(close_open{operation_id::none, granted->open, false, true});
  } else if (const auto* allowed = std::get_if<access_granted>(&a.with.result)) {
    steps.emplace_back(end_hold{allowed->hold});
  } else if (const auto* lock = std::get_if<lock_ranges>(&a.op->what)) {
    unlock_ranges unlock{operation_id::none, lock->open, {}, {}};
    if (lock->sequence) // a replay must then be executed
      unlock.sequence = lock_sequence{lock->sequence->index, UINT8_MAX};
    for (const auto& element : lock->elements)
      unlock.ranges.push_back(element.range);
    steps.emplace_back(std::move(unlock));
  }
  for (auto& step : steps) {
    auto undoing = std::make_unique<undo_step>(std::move(step));
    std::visit(
      [id = undoing->id](auto& c) {
        if constexpr (requires { c.operation; })
          c.operation = id;
      },
      undoing->what);
    message_ptr m = std::move(undoing);
    static_cast<void>(a.file->deliver(m));
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
  result.malformed = std::move(listing.malformed);
  for (auto& record : in_order_of_loading(std::move(listing.records))) {
    pending_.know(record.id);
    if (!record.delegation_id.empty())
      continue; // of another system
    if (record.file_id.empty() || record.file_id.size() > owner_.limit().file_id_bytes) {
      result.malformed.push_back({record.id, "file_id", "is empty or too long"});
      continue;
    }
    if (record.is_open())
      result.opens.push_back(describe_open(record));
    const auto file_id = record.file_id;
    message_ptr m = std::make_unique<record_to_load>(owner_, std::move(record));
    const auto file = owner_.files().deliver(file_id, m);
    if (!file)
      return;
    recovered_.push_back(file);
    ++result.recovered;
  }
  if (recovered_.empty())
    return;
  const auto by_age = [](const auto& a, const auto& b) { return a->id() < b->id(); };
  std::sort(recovered_.begin(), recovered_.end(), by_age);
  recovered_.erase(std::unique(recovered_.begin(), recovered_.end(),
                     [](const auto& a, const auto& b) { return a.get() == b.get(); }),
    recovered_.end());
  result.in_grace = !result.clean && owner_.config().grace > duration::zero();
  owner_.set_in_grace(result.in_grace);
  if (result.in_grace)
    grace_until_ = after(owner_.now(), owner_.config().grace);
  else
    end_grace();
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
  const bool is_busy = start_ != nullptr || writing_ || marking_;
  if (flush_ == nullptr || is_busy || !pending_.empty() || mail_since_ || ending_)
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
  {
    const std::lock_guard lock(mail_.mutex);
    mail_.is_closed = true;
  }
  take_mail();
  // All of them complete with `errc::shutting_down`.
  start_.reset();
  flush_.reset();
  waiting_ = {};
  if (writing_) {
    writing_->waiting = {};
    // It is unknown whether the batch was written; writing it again does no harm.
    pending_.put_back(*writing_->records);
    writing_.reset();
  }
}

void persistence_actor::finish_store() {
  if (writer_ == nullptr)
    return;
  // Do not wait again for a store that has not responded.
  const auto wait_max = gave_up_ ? duration::zero() : owner_.config().shutdown_store_wait;
  std::shared_ptr<last_writes> last;
  if ((loaded_ || found_clean_) && !gave_up_ && !(marked_ && pending_.empty()))
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
std::shared_ptr<persistence_actor::last_writes> persistence_actor::write_the_last() {
  auto end =
    std::make_shared<last_writes>(owner_.shared_log(), owner_.store_name(), pending_.size());
  while (!pending_.empty())
    writer_->post([end,
                    changes = std::make_shared<std::vector<record_change>>(
                      std::move(pending_.take(batch_size_max).changes))](lock_store& store) {
      end->step([&] { return store.apply(*changes); }, changes->size());
    });
  writer_->post([end, clean = ends_clean()](lock_store& store) {
    end->step([&] { return store.set_clean_shutdown(clean); }, 0);
  });
  return end;
}

void persistence_actor::publish() {
  backlog_.store(pending_.size() + (writing_ ? writing_->records->changes.size() : 0));
  auto since = time_point{};
  if (writing_)
    since = writing_->records->parts.front().since;
  else if (!pending_.empty())
    since = pending_.since();
  else if (mail_since_)
    since = *mail_since_;
  oldest_.store(since.time_since_epoch().count());
}

time_point persistence_actor::oldest() const noexcept {
  return time_point{duration{oldest_.load()}};
}

} // namespace leasebreak::detail
