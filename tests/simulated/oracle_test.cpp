// The oracle of the simulation: which reads it accepts and which it rejects.
#include "moments.hpp"
#include "oracle.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace leasebreak::simulated {

namespace {

using namespace std::chrono_literals;

// One file. Client 7 reads from cache 70, client 8 writes.
class Oracle : public testing::Test {
protected:
  void write(std::uint64_t version, std::chrono::milliseconds when, std::size_t writer = 8) {
    judge.wrote(0, writer, version, 100 + version, at(when));
  }

  void cached_read(
    std::uint64_t version, std::chrono::milliseconds when, bool holds_write = false) {
    judge.read({0, 7, 70, {version, 100 + version}, at(when), holds_write});
  }

  void notify(lease_state to, std::chrono::milliseconds issued, std::chrono::milliseconds arrived) {
    judge.notified(0, 7, 70, at(issued), to, at(arrived));
  }

  oracle judge{1, timeout};
};

TEST_F(Oracle, AcceptsTheNewestContent) {
  write(1, 0ms);
  write(2, 10ms);

  cached_read(2, 20ms);
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 0);
  EXPECT_EQ(judge.counts().reads, 1);
  EXPECT_EQ(judge.counts().reads_on_the_way, 0);
}

TEST_F(Oracle, AcceptsOldContentIfTheReadBeganBeforeTheWriteCompleted) {
  write(1, 0ms);
  write(2, 10ms);

  cached_read(1, 9ms);
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 0);
}

TEST_F(Oracle, CatchesAReaderThatIsNeverNotified) {
  write(1, 0ms);
  write(2, 10ms);

  cached_read(1, 20ms);
  EXPECT_EQ(judge.counts().stale, 0) << "the notification may still be in flight";
  judge.finish();

  ASSERT_EQ(judge.stale().size(), 1);
  EXPECT_EQ(judge.counts().stale, 1);
  EXPECT_EQ(judge.stale()[0].missed, 2);
  EXPECT_EQ(judge.stale()[0].read.reader, 7);
  EXPECT_NE(judge.stale()[0].history.find("wrote version 2"), std::string::npos);
}

TEST_F(Oracle, AcceptsANotificationThatWasInFlight) {
  write(1, 0ms);
  write(2, 10ms);
  cached_read(1, 20ms);

  notify(lease_state::none, 10ms, 25ms);
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 0);
  EXPECT_EQ(judge.counts().reads_on_the_way, 1);
}

TEST_F(Oracle, CatchesANotificationThatWasIssuedTooLate) {
  write(1, 0ms);
  write(2, 10ms);
  cached_read(1, 20ms);

  notify(lease_state::none, 11ms, 25ms);

  EXPECT_EQ(judge.counts().stale, 1);
}

TEST_F(Oracle, MeasuresAgainstTheFirstMissedWrite) {
  write(1, 0ms);
  write(2, 10ms);
  write(3, 30ms);
  cached_read(1, 40ms);

  notify(lease_state::none, 20ms, 45ms); // in time for version 3, too late for version 2

  ASSERT_EQ(judge.stale().size(), 1);
  EXPECT_EQ(judge.stale()[0].missed, 2);
}

TEST_F(Oracle, AllowsTheClocksToDifferByTheTolerance) {
  oracle tolerant{1, timeout, 2ms};
  tolerant.wrote(0, 8, 1, 101, at(10ms));
  tolerant.read({0, 7, 70, {0, 0}, at(20ms), false});

  tolerant.notified(0, 7, 70, at(12ms), lease_state::none, at(25ms));

  EXPECT_EQ(tolerant.counts().reads_on_the_way, 1);
}

TEST_F(Oracle, DoesNotAcceptABreakThatKeepsRead) {
  write(1, 0ms);
  write(2, 10ms);
  cached_read(1, 20ms);

  notify(lease_state::rh, 5ms, 25ms);
  judge.answered(0, 70, at(5ms), at(8ms)); // acknowledged before the write: no excuse
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 1);
}

TEST_F(Oracle, DoesNotAcceptTheNotificationOfAnotherCache) {
  write(1, 0ms);
  write(2, 10ms);
  cached_read(1, 20ms);

  judge.notified(0, 7, 71, at(5ms), lease_state::none, at(25ms));
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 1);
}

TEST_F(Oracle, AcceptsAReadDuringABreakToReadThatTheWriteHasTightened) {
  write(1, 0ms);
  notify(lease_state::r, 5ms, 6ms); // RH to R; the holder is slow
  write(2, 10ms);
  cached_read(1, 20ms);

  judge.answered(0, 70, at(5ms), at(30ms));
  notify(lease_state::none, 29ms, 31ms);
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 0);
  EXPECT_EQ(judge.counts().reads_tightened, 1);
}

TEST_F(Oracle, CatchesAWriteThatDidNotWaitForAHolderOfWrite) {
  write(1, 0ms);
  write(2, 10ms);
  cached_read(1, 20ms, true);

  notify(lease_state::none, 5ms, 25ms); // in time for a reader, but a break of Write is waited for

  EXPECT_EQ(judge.counts().stale, 1);
}

TEST_F(Oracle, AcceptsAReadOfAHolderOfWriteWhoseBreakExpiredInFlight) {
  write(1, 0ms);
  write(2, 2'000ms);
  cached_read(1, 2'001ms, true);

  notify(lease_state::none, 900ms, 2'002ms);
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 0);
}

TEST_F(Oracle, DoesNotCheckClientsThatHaveIgnoredABreak) {
  write(1, 0ms);
  judge.ignored(0, 70, at(5ms));
  write(2, 10ms);

  cached_read(1, 20ms);
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 0);
  EXPECT_EQ(judge.counts().reads_excluded, 1);
  EXPECT_EQ(judge.counts().reads, 0);
}

TEST_F(Oracle, CatchesADiskThatForgets) {
  write(1, 0ms);
  write(2, 10ms);

  judge.read({0, 7, 0, {1, 101}, at(20ms), false});

  EXPECT_EQ(judge.counts().stale, 1);
}

TEST_F(Oracle, AcceptsAClientsOwnBufferedWrite) {
  write(1, 0ms);
  judge.buffered(0, 7, 500, at(5ms));

  judge.read({0, 7, 70, {1, 500}, at(6ms), true});
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 0);
}

TEST_F(Oracle, CatchesAClientThatDoesNotSeeItsOwnBufferedWrite) {
  write(1, 0ms);
  judge.buffered(0, 7, 500, at(5ms));

  cached_read(1, 6ms, true);

  EXPECT_EQ(judge.counts().stale, 1);
}

TEST_F(Oracle, MapsBufferedContentToTheVersionThatItBecomes) {
  write(1, 0ms);
  judge.buffered(0, 7, 500, at(5ms));
  judge.wrote(0, 7, 2, 500, at(10ms)); // flushed, but the client does not know it yet

  judge.read({0, 7, 70, {1, 500}, at(11ms), false});
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 0);
}

TEST_F(Oracle, DoesNotMissAWriteAfterAFlush) {
  write(1, 0ms);
  judge.buffered(0, 7, 500, at(5ms));
  judge.wrote(0, 7, 2, 500, at(10ms));
  write(3, 12ms);

  judge.read({0, 7, 70, {1, 500}, at(13ms), false});
  judge.finish();

  EXPECT_EQ(judge.counts().stale, 1);
}

TEST_F(Oracle, CountsWhatARevokedClientLoses) {
  judge.buffered(0, 7, 500, at(5ms));

  judge.lost(0, 7, at(6ms));
  judge.lost(0, 7, at(7ms));

  EXPECT_EQ(judge.counts().writes_lost, 1);
}

TEST_F(Oracle, KeepsTheFirstStaleReadsAndCountsTheRest) {
  write(1, 0ms);
  write(2, 10ms);

  for (std::size_t i = 0; i < oracle::kept_max + 5; ++i)
    judge.read({0, 7, 0, {1, 101}, at(20ms), false});

  EXPECT_EQ(judge.counts().stale, oracle::kept_max + 5);
  EXPECT_EQ(judge.stale().size(), oracle::kept_max);
}

} // namespace

} // namespace leasebreak::simulated
