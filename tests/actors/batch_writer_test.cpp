// When records are written, in which batches, and what completes after that.
#include "durability/batch_writer.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::test {
namespace {

using namespace std::chrono_literals;
using detail::batch_writer;
using detail::record_lot;
using phase = batch_writer::phase;

constexpr time_point start{1'000s};

batch_writer::settings usual() {
  return {10ms, 100ms, 350ms, 1'000, 4};
}

record_lot lot_of(const std::string& id, time_point since = start) {
  persisted_lock record;
  record.id = id;
  record_lot lot;
  lot.changes.emplace_back(record_change{id, record});
  lot.since = since;
  return lot;
}

record_lot end_of(const std::string& id) {
  record_lot lot;
  lot.changes.emplace_back(record_change{id, std::nullopt});
  lot.since = start;
  return lot;
}

record_lot with_answer(record_lot lot) {
  lot.answers.emplace_back();
  return lot;
}

std::vector<std::string> ids_of(const detail::record_batch& batch) {
  std::vector<std::string> ids;
  for (const auto& change : batch.changes)
    ids.push_back(change.id);
  return ids;
}

TEST(BatchWriter, IsIdleWithoutChanges) {
  const batch_writer w(usual());

  EXPECT_EQ(w.state(), phase::idle);
  EXPECT_FALSE(w.due());
  EXPECT_FALSE(w.since());
  EXPECT_EQ(w.size(), 0U);
}

TEST(BatchWriter, DelaysChangesThatNothingWaitsFor) {
  batch_writer w(usual());

  EXPECT_TRUE(w.add(lot_of("a"), start).answers.empty());
  EXPECT_TRUE(w.add(lot_of("b", start + 3ms), start + 3ms).answers.empty());

  EXPECT_EQ(w.state(), phase::delayed);
  EXPECT_EQ(w.due(), start + 10ms);
  EXPECT_EQ(w.since(), start);
}

TEST(BatchWriter, WritesAtOnceWhatACompletionWaitsFor) {
  batch_writer w(usual());

  EXPECT_TRUE(w.add(with_answer(lot_of("a")), start + 2ms).answers.empty());

  EXPECT_EQ(w.due(), start + 2ms);
}

TEST(BatchWriter, CompletesWhatWaitedForTheBatch) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(with_answer(lot_of("a")), start).answers.empty());
  EXPECT_THAT(ids_of(*w.begin()), testing::ElementsAre("a"));
  EXPECT_EQ(w.state(), phase::writing);
  EXPECT_FALSE(w.due());

  EXPECT_EQ(w.written(start).answers.size(), 1U);

  EXPECT_EQ(w.state(), phase::idle);
  EXPECT_EQ(w.size(), 0U);
}

TEST(BatchWriter, DoesNotCompleteWithABatchWhatCameAfterItBegan) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(with_answer(lot_of("a")), start).answers.empty());
  static_cast<void>(w.begin());
  EXPECT_TRUE(w.add(with_answer(lot_of("b")), start).answers.empty());

  EXPECT_EQ(w.written(start + 1ms).answers.size(), 1U);

  EXPECT_EQ(w.state(), phase::delayed);
  EXPECT_EQ(w.due(), start + 1ms) << "a completion waits for the next batch";
}

TEST(BatchWriter, HasNothingToWriteIfChangesCancelEachOtherOut) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(lot_of("a"), start).answers.empty());

  EXPECT_EQ(w.add(with_answer(end_of("a")), start).answers.size(), 1U);

  EXPECT_EQ(w.state(), phase::idle);
}

TEST(BatchWriter, WritesTheEndOfARecordThatTheStoreHas) {
  batch_writer w(usual());
  w.know("a");

  EXPECT_TRUE(w.add(with_answer(end_of("a")), start).answers.empty());

  EXPECT_THAT(ids_of(*w.begin()), testing::ElementsAre("a"));
}

TEST(BatchWriter, WaitsLongerAfterEachFailureUpToTheLimit) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(lot_of("a"), start).answers.empty());
  for (const auto pause : {100ms, 200ms, 350ms, 350ms}) {
    static_cast<void>(w.begin());

    EXPECT_TRUE(w.failed(start).empty());

    EXPECT_EQ(w.state(), phase::failing);
    EXPECT_EQ(w.due(), start + pause);
    EXPECT_EQ(w.size(), 1U) << "nothing is dropped";
  }
}

TEST(BatchWriter, DoesNotShortenThePauseForNewChanges) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(lot_of("a"), start).answers.empty());
  static_cast<void>(w.begin());
  EXPECT_TRUE(w.failed(start).empty());

  EXPECT_TRUE(w.add(with_answer(lot_of("b")), start).answers.empty());

  EXPECT_EQ(w.state(), phase::failing);
  EXPECT_EQ(w.due(), start + 100ms);
}

TEST(BatchWriter, StartsWithTheShortPauseAgainAfterASuccess) {
  batch_writer w(usual());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(w.add(lot_of("a"), start).answers.empty());
    static_cast<void>(w.begin());
    EXPECT_TRUE(w.failed(start).empty());
    EXPECT_EQ(w.due(), start + 100ms);
    static_cast<void>(w.begin());
    EXPECT_TRUE(w.written(start).answers.empty());
    EXPECT_EQ(w.state(), phase::idle);
  }
}

TEST(BatchWriter, GivesCompletionsUpAfterTheLastFailure) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(with_answer(lot_of("a")), start).answers.empty());
  for (int i = 1; i < 4; ++i) {
    static_cast<void>(w.begin());
    EXPECT_TRUE(w.failed(start).empty());
  }
  EXPECT_TRUE(w.add(with_answer(lot_of("b")), start).answers.empty());
  static_cast<void>(w.begin());

  EXPECT_EQ(w.failed(start).size(), 2U);

  EXPECT_EQ(w.size(), 2U) << "their changes stay";
}

TEST(BatchWriter, GivesUpOnlyWhatDoesNotWaitForTheBatchInFlight) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(with_answer(lot_of("a")), start).answers.empty());
  static_cast<void>(w.begin());
  EXPECT_TRUE(w.add(with_answer(lot_of("b")), start).answers.empty());

  EXPECT_EQ(w.give_up().size(), 1U);

  EXPECT_EQ(w.written(start).answers.size(), 1U);
}

TEST(BatchWriter, KeepsTheOrderOfWhatWaitsAfterAFailure) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(with_answer(lot_of("a")), start).answers.empty());
  static_cast<void>(w.begin());
  EXPECT_TRUE(w.add(with_answer(lot_of("b")), start).answers.empty());
  EXPECT_TRUE(w.failed(start).empty());
  static_cast<void>(w.begin());

  const auto done = w.written(start);

  ASSERT_EQ(done.answers.size(), 2U);
  EXPECT_LT(done.answers[0].number, done.answers[1].number);
}

TEST(BatchWriter, DelaysWhatWaitsElsewhere) {
  batch_writer w(usual());

  w.expect(start);

  EXPECT_EQ(w.due(), start + 10ms);
  EXPECT_EQ(w.since(), start);
  EXPECT_FALSE(w.has_pending());
  w.expect_nothing();
  EXPECT_EQ(w.state(), phase::idle);
}

TEST(BatchWriter, RemembersWhatWaitsElsewhereDuringABatch) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(lot_of("a"), start).answers.empty());
  static_cast<void>(w.begin());
  w.expect(start + 5ms);
  EXPECT_EQ(w.state(), phase::writing);

  EXPECT_TRUE(w.written(start + 6ms).answers.empty());

  EXPECT_EQ(w.due(), start + 15ms);
}

TEST(BatchWriter, DelaysNothingInAHurry) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(lot_of("a"), start).answers.empty());

  w.hurry(start + 1ms);

  EXPECT_EQ(w.due(), start + 1ms);
  static_cast<void>(w.begin());
  EXPECT_TRUE(w.add(lot_of("b"), start + 2ms).answers.empty());
  EXPECT_TRUE(w.written(start + 2ms).answers.empty());
  EXPECT_EQ(w.due(), start + 2ms);
}

TEST(BatchWriter, RetriesAtOnceInAHurry) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(lot_of("a"), start).answers.empty());
  static_cast<void>(w.begin());
  EXPECT_TRUE(w.failed(start).empty());

  w.hurry(start + 1ms);

  EXPECT_EQ(w.due(), start + 1ms);
}

TEST(BatchWriter, LimitsABatch) {
  auto settings = usual();
  settings.batch_max = 2;
  batch_writer w(settings);
  for (const auto* id : {"a", "b", "c"})
    EXPECT_TRUE(w.add(lot_of(id), start).answers.empty());

  EXPECT_THAT(ids_of(*w.begin()), testing::ElementsAre("a", "b"));
  EXPECT_TRUE(w.written(start).answers.empty());
  EXPECT_THAT(ids_of(*w.begin()), testing::ElementsAre("c"));
}

TEST(BatchWriter, HasAllChangesLeftAfterStopping) {
  batch_writer w(usual());
  EXPECT_TRUE(w.add(with_answer(lot_of("a")), start).answers.empty());
  const auto in_flight = w.begin();
  EXPECT_TRUE(w.add(with_answer(lot_of("b")), start).answers.empty());

  w.stop();

  EXPECT_THAT(ids_of(*in_flight), testing::ElementsAre("a")) << "the store may still read it";
  std::vector<std::string> rest;
  while (w.has_pending())
    for (const auto& change : w.take_rest())
      rest.push_back(change.id);
  EXPECT_THAT(rest, testing::ElementsAre("a", "b"));
}

// A store in memory that is kept up to date by a random schedule.
TEST(BatchWriter, BringsAnyScheduleToTheStoreInOrder) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&random](unsigned n) { return random() % n; };
  auto settings = usual();
  settings.batch_max = 1 + below(4);
  settings.failures_max = 1'000'000;
  batch_writer w(settings);
  std::set<std::string> wanted;
  std::set<std::string> stored;
  std::size_t unanswered = 0;
  auto now = start;
  const auto apply = [&stored](const detail::record_batch& batch) {
    for (const auto& change : batch.changes)
      if (change.put)
        stored.insert(change.id);
      else
        stored.erase(change.id);
  };
  for (int step = 0; step < 2'000; ++step) {
    now += std::chrono::milliseconds{below(20)};
    const auto id = std::to_string(below(6));
    auto lot = wanted.contains(id) && below(2) == 0 ? end_of(id) : lot_of(id, now);
    if (lot.changes.front().is_deletion())
      wanted.erase(id);
    else
      wanted.insert(id);
    const bool answered = below(3) == 0;
    unanswered += answered ? 1U : 0U;
    unanswered -=
      w.add(answered ? with_answer(std::move(lot)) : std::move(lot), now).answers.size();
    if (!w.due() || *w.due() > now)
      continue;
    const auto batch = w.begin();
    if (below(4) == 0) {
      if (below(2) == 0)
        apply(*batch); // it was stored, but the reply was lost
      EXPECT_TRUE(w.failed(now).empty());
    } else {
      apply(*batch);
      unanswered -= w.written(now).answers.size();
    }
  }
  while (w.due()) {
    apply(*w.begin());
    unanswered -= w.written(now).answers.size();
  }

  EXPECT_EQ(stored, wanted);
  EXPECT_EQ(unanswered, 0U);
  EXPECT_EQ(w.state(), phase::idle);
}

} // namespace
} // namespace leasebreak::test
