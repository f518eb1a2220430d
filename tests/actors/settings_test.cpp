// Settings that change while the coordinator runs.
#include "api/coordinator_impl.hpp"
#include "observe/counters.hpp"
#include "support/two_clients.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace leasebreak::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

settings_change set(two_clients& w, const std::string& name, const std::string& value,
  const std::string& share = {}) {
  return w.c->change_settings([&](settings& s) {
    const auto fault = set_by_name(s, name, value, share);
    if (!fault.empty())
      throw std::invalid_argument(fault);
  });
}

open_request of_share(const std::string& share, open_request r) {
  r.share = share;
  return r;
}

TEST(Settings, AreThoseOfTheConfigurationAtFirst) {
  coordinator_config config;
  config.break_timeout = seconds{3};
  config.limit.opens_total = 7;
  two_clients w(two_clients::time::driven, config);

  const auto s = w.c->current_settings();

  EXPECT_EQ(s.break_timeout, seconds{3});
  EXPECT_EQ(s.limit.opens_total, 7U);
  EXPECT_EQ(s.caching_max, lease_state::rwh);
  EXPECT_THAT(s.shares, IsEmpty());
}

TEST(Settings, ABreakThatBeginsAfterTheChangeHasTheNewTimeout) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1);

  const auto change = set(w, "break_timeout", "10s");

  ASSERT_FALSE(change.error) << change.fault;
  EXPECT_THAT(change.changed, ElementsAre(changed_setting{"", "break_timeout", "35s", "10s"}));
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  w.advance(seconds{10} - milliseconds{1});
  EXPECT_FALSE(waiting.done());
  w.advance(milliseconds{1});
  EXPECT_TRUE(waiting.done());
  EXPECT_EQ(waiting.error(), errc::success);
}

TEST(Settings, ABreakThatBeganBeforeTheChangeKeepsItsDeadline) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();

  set(w, "break_timeout", "10s");

  w.advance(seconds{35} - milliseconds{1});
  EXPECT_FALSE(waiting.done());
  w.advance(milliseconds{1});
  EXPECT_TRUE(waiting.done());
  EXPECT_EQ(waiting.error(), errc::success);
}

TEST(Settings, AShareHasATimeoutOfItsOwn) {
  two_clients w(two_clients::time::driven);
  set(w, "break_timeout", "10s", "docs");
  w.begin(
    of_share("docs", two_clients::request(two_clients::alice, "f", 1)), w.probes.emplace_back());
  w.begin(
    of_share("other", two_clients::request(two_clients::alice, "g", 3)), w.probes.emplace_back());
  w.settle();
  auto& of_docs = w.start(two_clients::request(two_clients::bob, "f", 2));
  auto& of_other = w.start(two_clients::request(two_clients::bob, "g", 4));
  w.settle();

  w.advance(seconds{10});
  EXPECT_TRUE(of_docs.done());
  EXPECT_FALSE(of_other.done());
  w.advance(seconds{25});
  EXPECT_TRUE(of_other.done());

  const auto back = set(w, "break_timeout", "default", "docs");
  EXPECT_THAT(
    back.changed, ElementsAre(changed_setting{"docs", "break_timeout", "10s", "default"}));
  w.begin(
    of_share("docs", two_clients::request(two_clients::alice, "h", 5)), w.probes.emplace_back());
  w.settle();
  auto& later = w.start(two_clients::request(two_clients::bob, "h", 6));
  w.settle();
  w.advance(seconds{34});
  EXPECT_FALSE(later.done());
  w.advance(seconds{1});
  EXPECT_TRUE(later.done());
}

TEST(Settings, AnOpenIsGrantedTheNewCachingMaximum) {
  two_clients w(two_clients::time::driven);
  const auto before = w.open(two_clients::alice, "f", 1);
  set(w, "caching_max", "R", "docs");
  set(w, "caching_max", "RH");

  auto& docs =
    w.start(of_share("docs", two_clients::request(two_clients::alice, "g", 2, lease_state::rwh)));
  auto& other =
    w.start(of_share("other", two_clients::request(two_clients::alice, "h", 3, lease_state::rwh)));
  w.settle();

  EXPECT_EQ(before.state, lease_state::rwh);
  EXPECT_THAT(w.alice_saw, IsEmpty());
  EXPECT_EQ(docs.as<open_result>().state, lease_state::r);
  EXPECT_EQ(other.as<open_result>().state, lease_state::rh);
}

TEST(Settings, ALoweredLimitEndsNothingAndRefusesWhatComes) {
  two_clients w(two_clients::time::driven);
  const auto a = w.open(two_clients::alice, "f", 1);
  const auto b = w.open(two_clients::alice, "g", 2);

  set(w, "limit.opens_total", "1");

  EXPECT_EQ(w.c->stats().opens_now, 2U);
  auto& refused = w.start(two_clients::request(two_clients::alice, "h", 3));
  w.settle();
  EXPECT_EQ(refused.error(), errc::too_many_opens);
  w.close("f", a.open);
  auto& still = w.start(two_clients::request(two_clients::alice, "h", 3));
  w.settle();
  EXPECT_EQ(still.error(), errc::too_many_opens);
  w.close("g", b.open);
  w.open(two_clients::alice, "h", 3);
}

TEST(Settings, LimitsOfAFileHoldForFilesThatExist) {
  two_clients w(two_clients::time::driven);
  w.begin(of_share("docs", two_clients::request(two_clients::alice, "f", 1, lease_state::r)),
    w.probes.emplace_back());
  w.settle();

  set(w, "opens_per_file", "1", "docs");

  auto& docs =
    w.start(of_share("docs", two_clients::request(two_clients::alice, "f", 1, lease_state::r)));
  auto& other =
    w.start(of_share("other", two_clients::request(two_clients::alice, "f", 1, lease_state::r)));
  w.settle();
  EXPECT_EQ(docs.error(), errc::too_many_opens_on_file);
  EXPECT_EQ(other.error(), errc::success);
}

TEST(Settings, AWrongValueChangesNothing) {
  two_clients w(two_clients::time::driven);

  const auto change = w.c->change_settings([](settings& s) {
    s.limit.opens_total = 5;
    s.shares["docs"].break_timeout = duration::zero();
  });

  EXPECT_EQ(change.error, errc::invalid_argument);
  EXPECT_EQ(change.fault, "share \"docs\": break_timeout: must be positive");
  EXPECT_THAT(change.changed, IsEmpty());
  EXPECT_THAT(difference(settings{}, w.c->current_settings()), IsEmpty());
  EXPECT_THROW(set(w, "break_timeout", "soon"), std::invalid_argument);
  EXPECT_THAT(difference(settings{}, w.c->current_settings()), IsEmpty());
}

TEST(Settings, TheNumberOfShareNamesIsBounded) {
  two_clients w(two_clients::time::driven);
  const auto fill = [](std::size_t from, std::size_t n) {
    return [=](settings& s) {
      s.shares.clear();
      for (auto i = from; i < from + n; ++i)
        s.shares[std::to_string(i)].opens_per_file = i + 1;
    };
  };
  EXPECT_FALSE(w.c->change_settings(fill(0, 1'024)).error);

  const auto beyond = w.c->change_settings(fill(1, 1'024));

  EXPECT_EQ(beyond.error, errc::invalid_argument);
  EXPECT_THAT(beyond.fault, HasSubstr("1024"));
  EXPECT_FALSE(w.c->change_settings(fill(0, 1'024)).error);
}

TEST(Settings, CannotChangeAfterTheShutdown) {
  two_clients w(two_clients::time::driven);
  w.inside().stop();

  EXPECT_EQ(set(w, "break_timeout", "10s").error, errc::shutting_down);
}

TEST(Settings, HaveNamesAndTexts) {
  settings s;
  EXPECT_EQ(set_by_name(s, "break_timeout", "1500ms"), "");
  EXPECT_EQ(set_by_name(s, "wait_max", "unlimited"), "");
  EXPECT_EQ(set_by_name(s, "limit.locks_total", "12"), "");
  EXPECT_EQ(set_by_name(s, "caching_max", "none"), "");
  EXPECT_EQ(set_by_name(s, "locks_per_file", "3", "docs"), "");
  EXPECT_EQ(s.break_timeout, milliseconds{1500});
  EXPECT_EQ(s.wait_max, duration::max());
  EXPECT_THAT(difference(settings{}, s),
    ElementsAre(changed_setting{"", "break_timeout", "35s", "1500ms"},
      changed_setting{"", "wait_max", "70s", "unlimited"},
      changed_setting{"", "caching_max", "RWH", "none"},
      changed_setting{"", "limit.locks_total", "100000", "12"},
      changed_setting{"docs", "locks_per_file", "default", "3"}));
  EXPECT_EQ(to_string(changed_setting{"docs", "locks_per_file", "default", "3"}),
    "locks_per_file of share \"docs\": default -> 3");
  const auto listed = list_settings(s);
  ASSERT_EQ(listed.size(), 21U);
  EXPECT_EQ(listed.back(), (changed_setting{"docs", "locks_per_file", "", "3"}));

  for (const auto* wrong : {"", "-1s", "1", "s", "1 s", "1d", "99999999999999h", "1.5s"})
    EXPECT_THAT(set_by_name(s, "break_timeout", wrong), HasSubstr("break_timeout")) << wrong;
  for (const auto* wrong : {"", "-1", "1k", "99999999999999999999"})
    EXPECT_THAT(set_by_name(s, "limit.locks_total", wrong), HasSubstr("not a number")) << wrong;
  EXPECT_THAT(set_by_name(s, "caching_max", "H"), HasSubstr("none of none"));
  EXPECT_THAT(set_by_name(s, "break_timeot", "1s"), HasSubstr("no setting has the name"));
  EXPECT_THAT(set_by_name(s, "limit.locks_total", "1", "docs"), HasSubstr("share \"docs\""));
  EXPECT_EQ(s.break_timeout, milliseconds{1500});
  EXPECT_EQ(set_by_name(s, "locks_per_file", "default", "docs"), "");
  EXPECT_THAT(s.shares, IsEmpty());
}

TEST(Settings, ARaisedBoundOfATotalLetsMoreIn) {
  detail::bounded_total total;
  EXPECT_TRUE(total.reserve(3, 3));
  total.change_bound(1);
  EXPECT_FALSE(total.reserve(1, 1));
  total.release(2);
  EXPECT_FALSE(total.reserve(1, 1));
  total.release(1);
  EXPECT_TRUE(total.reserve(1, 1));
  EXPECT_FALSE(total.reserve(1, 1));
  total.change_bound(2);
  EXPECT_TRUE(total.reserve(1, 2));
  EXPECT_EQ(total.get(), 2U);
}

// For the thread sanitizer: changes, and files that use the settings, on different threads.
TEST(Settings, ChangeWhileFilesUseThem) {
  asio::io_context io;
  coordinator c(io.get_executor());
  ASSERT_FALSE(c.register_client(two_clients::alice, [](auto&&...) {}));
  std::atomic<bool> done{false};
  std::thread changing([&] {
    for (std::size_t n = 1; !done; n = n % 64 + 1)
      EXPECT_FALSE(c.change_settings([n](settings& s) {
                      s.break_timeout = seconds{n};
                      s.limit.opens_total = 1'000 + n;
                      s.limit.opens_per_file = 100 + n;
                      s.caching_max = n % 2 == 0 ? lease_state::rwh : lease_state::r;
                      s.shares[std::to_string(n)].break_timeout = seconds{n};
                    })
                     .error);
  });
  std::atomic<int> left{4'000};
  std::function<void()> open = [&] {
    if (left.fetch_sub(1) <= 0)
      return;
    auto r = two_clients::request(two_clients::alice, std::to_string(left % 16), 0);
    r.lease.reset();
    r.share = std::to_string(left % 64 + 1);
    r.oplock = oplock_level::batch;
    const auto file = r.file;
    c.async_open(std::move(r), [&, file](error_code e, open_result result) {
      EXPECT_FALSE(e) << e.message();
      result.answer.sent();
      c.async_close({file, result.open}, [&](error_code, close_result) { open(); });
    });
  };
  for (int i = 0; i < 8; ++i)
    open();
  std::thread other([&] { io.run(); });
  io.run();
  other.join();
  done = true;
  changing.join();
  EXPECT_EQ(c.stats().opens_now, 0U);
}

} // namespace
} // namespace leasebreak::test
