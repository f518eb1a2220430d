// The queue from the files to the persistence actor: what is announced, and how often.
#include "durability/record_mail.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace leasebreak::test {
namespace {

using namespace std::chrono_literals;
using detail::record_lot;
using detail::record_mail;

record_lot lot_with(std::size_t changes, time_point since = {}) {
  record_lot lot;
  for (std::size_t i = 0; i < changes; ++i)
    lot.changes.emplace_back(record_change{std::to_string(i), std::nullopt});
  lot.since = since;
  return lot;
}

TEST(RecordMail, AnnouncesOrdinaryLotsOnce) {
  record_mail mail(false, 100);

  EXPECT_TRUE(mail.put(lot_with(1)));
  EXPECT_FALSE(mail.put(lot_with(1)));

  ASSERT_TRUE(mail.look());
  EXPECT_FALSE(mail.look()->is_urgent);
}

TEST(RecordMail, AnnouncesOnceMoreWhenTheLotsAreMany) {
  record_mail mail(false, 3);
  EXPECT_TRUE(mail.put(lot_with(2)));

  EXPECT_TRUE(mail.put(lot_with(1)));
  EXPECT_FALSE(mail.put(lot_with(5)));

  EXPECT_TRUE(mail.look()->is_urgent);
}

TEST(RecordMail, AnnouncesUrgentLotsOnce) {
  record_mail mail(true, 100);

  EXPECT_TRUE(mail.put(lot_with(1)));
  EXPECT_FALSE(mail.put(lot_with(1)));

  EXPECT_TRUE(mail.look()->is_urgent);
}

TEST(RecordMail, AnnouncesAgainAfterTheLotsAreTaken) {
  record_mail mail(false, 3);
  EXPECT_TRUE(mail.put(lot_with(3)));
  static_cast<void>(mail.take());
  EXPECT_FALSE(mail.look());

  EXPECT_TRUE(mail.put(lot_with(1)));

  EXPECT_FALSE(mail.look()->is_urgent);
}

TEST(RecordMail, HasTheAgeOfTheOldestLot) {
  record_mail mail(false, 100);
  EXPECT_TRUE(mail.put(lot_with(1, time_point{1s})));
  EXPECT_FALSE(mail.put(lot_with(1, time_point{2s})));

  EXPECT_EQ(mail.look()->since, time_point{1s});
}

TEST(RecordMail, CountsChangesUntilTheyAreForgotten) {
  record_mail mail(false, 100);
  EXPECT_TRUE(mail.put(lot_with(2)));
  EXPECT_FALSE(mail.put(lot_with(3)));

  const auto content = mail.take();

  EXPECT_EQ(content.lots.size(), 2U);
  EXPECT_EQ(content.changes, 5U);
  EXPECT_EQ(mail.size(), 5U);
  mail.forget(content.changes);
  EXPECT_EQ(mail.size(), 0U);
}

TEST(RecordMail, TakesNothingAfterItIsClosed) {
  record_mail mail(true, 100);
  mail.close();

  EXPECT_FALSE(mail.put(lot_with(1)));

  EXPECT_EQ(mail.size(), 0U);
  EXPECT_FALSE(mail.look());
}

// A lot is announced by its own thread, or is taken with an earlier announcement; none is left.
TEST(RecordMail, LosesNoLotBetweenThreads) {
  constexpr std::size_t per_thread = 2'000;
  record_mail mail(false, 7);
  std::size_t announced = 0;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::size_t taken = 0;
  const auto take = [&] {
    const std::lock_guard lock(mutex);
    const auto content = mail.take();
    mail.forget(content.changes);
    taken += content.changes;
    ++announced;
  };
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (std::size_t n = 0; n < per_thread; ++n)
        if (mail.put(lot_with(1)))
          take();
    });
  for (auto& t : threads)
    t.join();

  EXPECT_EQ(taken, 4 * per_thread);
  EXPECT_EQ(mail.size(), 0U);
  EXPECT_LE(announced, 4 * per_thread);
}

} // namespace
} // namespace leasebreak::test
