// The simulated clients with a real coordinator on real threads. They stay coherent, and a server
// that misuses the coordinator is detected.
#include "report.hpp"
#include "simulation.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace leasebreak::simulated {

namespace {

using namespace std::chrono_literals;

std::uint64_t seed() {
  const char* given = std::getenv("LEASEBREAK_SEED");
  const std::uint64_t s = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::cout << "seed=" << s << std::endl;
  return s;
}

settings many_clients_on_few_files() {
  settings s;
  s.clients = 64;
  s.files = 12;
  s.threads = 4;
  s.run_time = 5s;
  s.unresponsive_percent = 3;
  s.break_timeout = 500ms;
  s.seed = seed();
  return s;
}

settings few_clients() {
  auto s = many_clients_on_few_files();
  s.clients = 24;
  s.run_time = 2s;
  s.unresponsive_percent = 0;
  return s;
}

// Names the counters that a run must increment and has not.
std::string missing_from(const tally& seen) {
  std::string names;
  const auto want = [&names](const counter& times, const char* name) {
    if (times == 0)
      names += std::string{name} + " ";
  };
  want(seen.cache_hits, "cache_hits");
  want(seen.writes_buffered, "writes_buffered");
  want(seen.flushes, "flushes");
  want(seen.locks, "locks");
  want(seen.breaks_ignored, "breaks_ignored");
  want(seen.disconnects, "disconnects");
  return names;
}

// A run that ends as soon as a stale read is found.
settings wrong_server() {
  auto s = few_clients();
  s.run_time = 100ms;
  s.enough = [](const progress& p) { return p.judged.stale > 0; };
  return s;
}

void explain(const settings& s, const outcome& result) {
  if (testing::Test::HasFailure()) {
    print_table(std::cout, s, result);
    print_failures(std::cout, s, result);
  }
}

TEST(SimulatedClients, StayCoherentOnFewFiles) {
  auto s = many_clients_on_few_files();
  s.enough = [](const progress& p) { return missing_from(*p.counts).empty(); };

  const auto result = run(s);

  EXPECT_TRUE(result.coherent());
  EXPECT_TRUE(result.orderly());
  EXPECT_EQ(missing_from(*result.counts), "");
  explain(s, result);
}

TEST(SimulatedClients, StayCoherentIfAllAreUnresponsive) {
  auto s = few_clients();
  s.unresponsive_percent = 100;
  s.break_timeout = 50ms;

  const auto result = run(s);

  EXPECT_TRUE(result.coherent());
  EXPECT_TRUE(result.orderly());
  explain(s, result);
}

TEST(SimulatedClients, AreFoundIncoherentWhenNotificationsAreLost) {
  auto s = wrong_server();
  s.injected.lost_notifications_percent = 20;

  const auto result = run(s);

  EXPECT_FALSE(result.coherent());
  EXPECT_GT(result.counts->breaks_lost, 0);
  EXPECT_FALSE(result.stale.empty());
}

TEST(SimulatedClients, AreFoundIncoherentWhenWritesAreNotAnnounced) {
  auto s = wrong_server();
  s.injected.unannounced_writes_percent = 20;

  const auto result = run(s);

  EXPECT_FALSE(result.coherent());
}

TEST(SimulatedClients, AreFoundIncoherentWhenHoldsEndBeforeTheWrite) {
  auto s = wrong_server();
  s.injected.early_release = true;

  const auto result = run(s);

  EXPECT_FALSE(result.coherent());
}

// A long break timeout, because the expiry of a break could cause an early notification.
settings with_oplocks() {
  auto s = few_clients();
  s.break_timeout = 35s;
  return s;
}

TEST(SimulatedClients, ReceiveNoBreakBeforeTheGrant) {
  auto s = with_oplocks();

  const auto result = run(s);

  EXPECT_EQ(result.counts->breaks_early, 0);
  EXPECT_TRUE(result.coherent());
  explain(s, result);
}

TEST(SimulatedClients, ReceiveEarlyBreaksIfAnswersCountBeforeTheyAreSent) {
  auto s = with_oplocks();
  s.injected.early_answers = true;
  s.enough = [](const progress& p) { return p.counts->breaks_early != 0; };

  const auto result = run(s);

  EXPECT_GT(result.counts->breaks_early, 0);
}

TEST(SimulatedClients, RefuseSettingsThatMakeNoSense) {
  settings s;
  s.clients = 0;

  EXPECT_THROW(static_cast<void>(run(s)), std::invalid_argument);
}

TEST(SimulatedClients, SayWhichStoreCannotBeOpened) {
  settings s;
  s.store = "carrier-pigeon:coop";

  try {
    static_cast<void>(run(s));
    FAIL() << "the store was opened";
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string{e.what()}.find("carrier-pigeon"), std::string::npos);
  }
}

} // namespace

} // namespace leasebreak::simulated
