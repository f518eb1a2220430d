#include "batch_writer.hpp"

#include <leasebreak/model/after.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

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
void append(std::vector<Waiting> newer, std::vector<Waiting>& to) {
  std::move(newer.begin(), newer.end(), std::back_inserter(to));
}

template <class Waiting>
void put_in_front(std::vector<Waiting> older, std::vector<Waiting>& all) {
  append(std::move(all), older);
  all = std::move(older);
}

} // namespace

// -- the state

std::optional<time_point> batch_writer::due() const noexcept {
  if (phase_ == phase::delayed || phase_ == phase::failing)
    return due_;
  return {};
}

std::size_t batch_writer::size() const noexcept {
  return pending_.size() + (writing_ ? writing_->records->changes.size() : 0);
}

std::optional<time_point> batch_writer::since() const noexcept {
  if (writing_)
    return writing_->records->parts.front().since;
  return pending_.empty() ? expected_ : pending_.since();
}

void batch_writer::wait_until(phase p, time_point due) noexcept {
  phase_ = p;
  due_ = due;
}

// A batch in flight, or a pause after a failure, determines the next batch by itself.
void batch_writer::wait_at_most_until(time_point due) noexcept {
  if (phase_ == phase::idle)
    wait_until(phase::delayed, due);
  else if (phase_ == phase::delayed)
    due_ = std::min(due_, due);
}

// Returns now if a completion waits. Changes that come while a batch is being written make up the
// next one.
time_point batch_writer::next_batch(time_point now) const {
  const bool is_urgent = is_hurried_ || !waiting_.answers.empty();
  return is_urgent ? now : after(pending_.since(), settings_.delay);
}

// The phase of a writer that is neither writing nor failing.
void batch_writer::settle(time_point now) {
  if (!pending_.empty())
    wait_until(phase::delayed, next_batch(now));
  else if (expected_)
    wait_until(phase::delayed, after(*expected_, settings_.delay));
  else
    phase_ = phase::idle;
}

// -- changes

batch_writer::released batch_writer::add(record_lot lot, time_point now) {
  const auto number = pending_.add(std::move(lot.changes), lot.since);
  for (auto& a : lot.answers) {
    a.number = number;
    waiting_.answers.push_back(std::move(a));
  }
  if (lot.changed)
    waiting_.files.push_back({std::move(lot.changed), number});
  if (phase_ == phase::writing)
    return {}; // records that were created and deleted wait for the batch in flight all the same
  auto done = take_stored();
  if (!pending_.empty())
    wait_at_most_until(next_batch(now));
  else
    settle(now);
  return done;
}

void batch_writer::expect(time_point since) {
  expected_ = since;
  wait_at_most_until(after(since, settings_.delay));
}

void batch_writer::expect_nothing() {
  expected_.reset();
  if (phase_ == phase::delayed && pending_.empty())
    phase_ = phase::idle;
}

void batch_writer::hurry(time_point now) {
  is_hurried_ = true;
  if (phase_ == phase::delayed || phase_ == phase::failing)
    due_ = std::min(due_, now);
}

// Returns what waits for no pending record. In `begin`, that waits for the batch alone.
batch_writer::released batch_writer::take_stored() {
  released stored;
  move_stored(waiting_.answers, pending_.oldest_number(), stored.answers);
  move_stored(waiting_.files, pending_.oldest_number(), stored.files);
  return stored;
}

// -- batches

std::shared_ptr<const record_batch> batch_writer::begin() {
  phase_ = phase::writing;
  writing_.emplace();
  writing_->records = std::make_shared<record_batch>(pending_.take(settings_.batch_max));
  writing_->waiting = take_stored();
  return writing_->records;
}

batch_writer::released batch_writer::written(time_point now) {
  auto done = std::move(*writing_);
  writing_.reset();
  pending_.written(*done.records);
  failures_ = 0;
  pause_ = duration::zero();
  auto further = take_stored();
  append(std::move(further.answers), done.waiting.answers);
  append(std::move(further.files), done.waiting.files);
  settle(now);
  return std::move(done.waiting);
}

std::vector<gated_answer> batch_writer::failed(time_point now) {
  auto lost = std::move(*writing_);
  writing_.reset();
  pending_.put_back(std::move(*lost.records));
  put_in_front(std::move(lost.waiting.answers), waiting_.answers);
  put_in_front(std::move(lost.waiting.files), waiting_.files);
  ++failures_;
  const auto longer = pause_ < settings_.retry_max / 2 ? pause_ * 2 : settings_.retry_max;
  pause_ = std::max(longer, settings_.retry_min);
  wait_until(phase::failing, after(now, pause_));
  return failures_ < settings_.failures_max ? std::vector<gated_answer>{} : give_up();
}

std::vector<gated_answer> batch_writer::give_up() {
  return std::exchange(waiting_.answers, {});
}

void batch_writer::stop() {
  waiting_ = {};
  if (writing_) {
    writing_->waiting = {};
    // A copy, because the store may still read the batch.
    pending_.put_back(*writing_->records);
    writing_.reset();
  }
  phase_ = phase::idle;
}

std::vector<record_change> batch_writer::take_rest() {
  return std::move(pending_.take(settings_.batch_max).changes);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
