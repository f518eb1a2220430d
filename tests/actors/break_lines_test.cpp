// The log lines about breaks: one for each break, which names all that are concerned, and a limit
// for each file.
#include "observe/line_limit.hpp"
#include "support/kept_log.hpp"
#include "support/two_clients.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace leasebreak::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

/// Two clients with a virtual clock whose log is kept.
class logging_clients {
public:
  explicit logging_clients(spdlog::level::level_enum level = spdlog::level::info) {
    coordinator_config config;
    config.logger = log_.logger();
    config.logger->set_level(level);
    w = std::make_unique<two_clients>(two_clients::time::driven, config);
  }

  [[nodiscard]] std::string log() const { return log_.text(); }
  [[nodiscard]] std::size_t count(const std::string& words) const { return log_.count(words); }

  void open_at(const client_guid& client, const std::string& path, std::uint64_t key) {
    auto r = two_clients::request(client, "f", key);
    r.root = "root";
    r.path = path;
    w->start(std::move(r));
    w->settle();
  }
  /// Alice gets `leases` leases of the file. Bob overwrites it, which breaks all of them.
  void break_all(const std::string& file, std::uint64_t leases, lease_state held) {
    for (std::uint64_t i = 1; i <= leases; ++i)
      w->open(two_clients::alice, file, ++keys_, held);
    auto r = two_clients::request(two_clients::bob, file, 0);
    r.overwrites = true;
    w->start(std::move(r));
    w->settle();
  }
  [[nodiscard]] static std::string named(const std::string& label, const client_guid& guid) {
    return '"' + label + "\" (" + to_string(guid) + ")";
  }

private:
  kept_log log_;
  std::uint64_t keys_ = 0;

public:
  std::unique_ptr<two_clients> w; ///< Destroyed before its log.
};

const std::string begun = "[info] break: client ";
const std::string timed_out = "[warning] break timed out: client ";

TEST(BreakLines, NameHolderPathTimeLeftAndWhoWaitsForWhat) {
  logging_clients s;
  s.open_at(two_clients::alice, "docs/report.docx", 1);

  s.w->start(two_clients::request(two_clients::bob, "f", 2));
  s.w->settle();

  EXPECT_THAT(s.log(),
    HasSubstr(begun + logging_clients::named("alice", two_clients::alice) +
      ", file \"f\", path \"docs/report.docx\", lease " + to_string(lease_key::of(1)) +
      ", RWH -> RH, cause open, 35000 ms left, waiting: open by " +
      logging_clients::named("bob", two_clients::bob) + "\n"));
}

TEST(BreakLines, AreOneForEachBreakThatIsAcknowledged) {
  logging_clients s;
  s.w->open(two_clients::alice, "f", 1);
  s.w->start(two_clients::request(two_clients::bob, "f", 2));
  s.w->settle();

  s.w->start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  s.w->settle();

  EXPECT_EQ(s.count("break"), 1U) << s.log();
}

TEST(BreakLines, SayThatNoAcknowledgementIsNeeded) {
  logging_clients s;
  s.w->open(two_clients::alice, "f", 1, lease_state::r);

  s.w->start(access_request("f", access_kind::write, open_id::none, two_clients::bob));
  s.w->settle();

  EXPECT_THAT(
    s.log(), HasSubstr("R -> none, cause write, needs no acknowledgement, waiting: none"));
}

TEST(BreakLines, SayThatTheHolderIsNotToldYet) {
  logging_clients s;
  auto& first = s.w->probes.emplace_back();
  first.answers_later = true;
  s.w->begin(two_clients::request(two_clients::alice, "f", 1), first);
  s.w->settle();
  s.w->start(two_clients::request(two_clients::bob, "f", 2));
  s.w->settle();

  first.as<open_result>().answer.sent();
  s.w->settle();

  EXPECT_EQ(s.count(begun), 1U) << s.log();
  EXPECT_THAT(s.log(), HasSubstr("cause open, not told yet, waiting: open by \"bob\""));
}

TEST(BreakLines, OfTimeoutsNameThePathAndThoseThatHaveWaited) {
  logging_clients s;
  s.open_at(two_clients::alice, "docs/report.docx", 1);
  s.w->start(two_clients::request(two_clients::bob, "f", 2));
  s.w->settle();

  s.w->advance(seconds{35});

  EXPECT_THAT(s.log(),
    HasSubstr(timed_out + logging_clients::named("alice", two_clients::alice) +
      ", file \"f\", path \"docs/report.docx\", lease " + to_string(lease_key::of(1)) +
      ", RWH -> RH, left none, cause open, after 35000 ms, waiting: open by " +
      logging_clients::named("bob", two_clients::bob) + "\n"));
}

TEST(BreakLines, NameFourOfThoseThatWait) {
  logging_clients s;
  s.w->open(two_clients::alice, "f", 1);
  for (std::uint64_t i = 1; i <= 6; ++i)
    s.w->start(two_clients::request(two_clients::bob, "f", 10 + i));
  s.w->settle();

  s.w->advance(seconds{35});

  const auto bob = "open by " + logging_clients::named("bob", two_clients::bob);
  EXPECT_THAT(s.log(),
    HasSubstr(
      "after 35000 ms, waiting: " + bob + ", " + bob + ", " + bob + ", " + bob + " and 2 more\n"));
}

TEST(BreakLines, OfAFileAreTenASecondAndTheRestIsCounted) {
  logging_clients s;

  s.break_all("f", 25, lease_state::rh);
  s.break_all("other", 1, lease_state::rh);

  EXPECT_EQ(s.count(begun), 11U) << "ten of one file, one of the other";
  EXPECT_THAT(s.log(), Not(HasSubstr("more lines")));
  s.w->advance(milliseconds{999});
  EXPECT_THAT(s.log(), Not(HasSubstr("more lines")));
  s.w->advance(milliseconds{1});
  EXPECT_THAT(s.log(), HasSubstr("[info] breaks: 15 more lines of the same second, file \"f\"\n"));
  s.w->advance(seconds{10});
  EXPECT_EQ(s.count("more lines"), 1U);
}

TEST(BreakLines, AreCountedThoughTheFileHasNoState) {
  logging_clients s;
  for (std::uint64_t i = 1; i <= 12; ++i) {
    const auto open = s.w->open(two_clients::alice, "f", i, lease_state::r);
    auto& write =
      s.w->start(access_request("f", access_kind::write, open_id::none, two_clients::bob));
    s.w->settle();
    write.as<access_result>().hold = {};
    s.w->close("f", open.open);
  }
  EXPECT_EQ(s.count(begun), 10U);

  s.w->advance(seconds{1});

  EXPECT_EQ(s.count("breaks: 2 more lines of the same second, file \"f\""), 1U) << s.log();
}

TEST(BreakLines, AreCountedWhenTheCoordinatorStops) {
  logging_clients s;
  s.break_all("f", 13, lease_state::rh);
  s.break_all("g", 14, lease_state::rh);

  s.w->start(detail::shutdown_request{});
  s.w->settle();
  s.w->c.reset();

  EXPECT_EQ(s.count("breaks: 3 more lines of the same second, file \"f\""), 1U) << s.log();
  EXPECT_EQ(s.count("breaks: 4 more lines of the same second, file \"g\""), 1U) << s.log();
}

TEST(BreakLines, ThatWarnHaveALimitOfTheirOwn) {
  logging_clients s;
  s.break_all("f", 25, lease_state::rh);

  s.w->advance(seconds{18});
  EXPECT_EQ(s.count("[warning] break overdue: client"), 10U);
  s.w->advance(seconds{1});
  EXPECT_EQ(s.count("[warning] breaks: 15 more lines of the same second, file \"f\""), 1U);
  s.w->advance(seconds{16});
  EXPECT_EQ(s.count(timed_out), 10U);
  s.w->advance(seconds{1});
  EXPECT_EQ(s.count("[warning] breaks: 15 more lines of the same second, file \"f\""), 2U);
}

TEST(BreakLines, AreNotCountedIfTheirLevelIsNotLogged) {
  logging_clients s(spdlog::level::warn);

  s.break_all("f", 25, lease_state::rh);
  s.w->advance(seconds{2});

  EXPECT_EQ(s.log(), "");
}

TEST(LineLimits, LetTenThroughInEachSecond) {
  using detail::line_limit;
  line_limit limit;
  time_point now{seconds{1'000}};
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(limit.admit(line_limit::kind::notice, now));
  EXPECT_EQ(limit.due(), std::nullopt);
  EXPECT_FALSE(limit.admit(line_limit::kind::notice, now + milliseconds{999}));
  EXPECT_TRUE(limit.admit(line_limit::kind::warning, now + milliseconds{999}));
  EXPECT_EQ(limit.due(), now + seconds{1});
  EXPECT_EQ(limit.take(line_limit::kind::notice, now + milliseconds{999}), 0U);

  EXPECT_EQ(limit.take(line_limit::kind::notice, now + seconds{1}), 1U);

  EXPECT_EQ(limit.due(), std::nullopt);
  EXPECT_TRUE(limit.admit(line_limit::kind::notice, now + seconds{1}));
}

TEST(LineLimits, KeepNoMemoryForQuietFiles) {
  using detail::line_limit;
  line_limit limit;
  const time_point now{seconds{1'000}};
  EXPECT_FALSE(limit.has_memory());
  for (int i = 0; i < 11; ++i)
    static_cast<void>(limit.admit(line_limit::kind::warning, now));

  limit.tidy(now + seconds{1});
  EXPECT_TRUE(limit.has_memory()) << "the count is not taken yet";
  EXPECT_EQ(limit.take(line_limit::kind::warning, now + seconds{1}), 1U);
  limit.tidy(now + seconds{1});
  EXPECT_FALSE(limit.has_memory());
}

} // namespace
} // namespace leasebreak::test
