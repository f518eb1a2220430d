// The server's process as a service: its configuration file, signals, log and service manager.
#include "configured_server.hpp"
#include "raw_client.hpp"

#include <smb_server/service/log_format.hpp>
#include <smb_server/wire/durable.hpp>
#include <smb_server/wire/status.hpp>

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::configured_server;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::notify_socket;
using testing::raw_client;

class Service : public ::testing::Test {
protected:
  std::unique_ptr<raw_client> connect(const guid& who) {
    auto c = std::make_unique<raw_client>(server.port());
    c->negotiate(dialect::smb_2_1, who);
    return c;
  }

  std::unique_ptr<raw_client> log_on(const guid& who, const std::string& share = "share") {
    auto c = connect(who);
    EXPECT_EQ(c->log_on("user", "pass"), status::success);
    EXPECT_EQ(c->connect_tree(share), status::success);
    return c;
  }

  void reload() {
    server.signal(SIGHUP);
    server.wait_for("reload: done");
  }

  configured_server server;
};

TEST_F(Service, ReloadsUnderLoadWithoutDroppingAConnection) {
  std::atomic<bool> done{false};
  std::atomic<int> rounds{0};
  std::vector<std::thread> clients;
  for (std::uint8_t i = 1; i <= 3; ++i)
    clients.emplace_back([&, i] {
      const auto c = log_on({i});
      while (!done) {
        const auto made = c->create("file" + std::to_string(i), batch_level);
        ASSERT_EQ(made.status, status::success);
        ASSERT_EQ(c->close(made.id), status::success);
        ++rounds;
      }
      EXPECT_EQ(c->echo(), status::success);
    });
  for (int i = 0; i < 10; ++i) {
    const int before = rounds;
    server.configure("break-timeout = " + std::to_string(10 + i % 2) + "\n");
    reload();
    while (rounds == before && !HasFailure()) // they have gone on since
      std::this_thread::yield();
  }
  done = true;
  for (auto& c : clients)
    c.join();
  EXPECT_THAT(server.said(), HasSubstr("setting changed: break_timeout: 300s -> 10s"));
  EXPECT_THAT(server.said(), HasSubstr("setting changed: break_timeout: 11s -> 10s"));
  EXPECT_EQ(server.stop(SIGTERM), 0);
}

TEST_F(Service, KeepsTheOldConfigurationIfTheNewOneIsWrong) {
  const auto c = log_on({1});
  for (const auto& [wrong, why] :
    std::vector<std::pair<std::string, std::string>>{
      {"brake-timeout = 3\n", "line 7: there is no option 'brake-timeout'"},
      {"break-timeout = soon\n", "line 6: "}, {"break-timeout\n", "line 7: it is not of the form"},
      {"user = USER:secret\n", "the user 'USER' is given twice"},
      {"share = none=/nowhere/at/all\n", "cannot serve '/nowhere/at/all'"},
      {"set = limit.opens_total=0\n", "limit.opens_total: must be at least 1"},
      {"user = other:word\nuser = secret\n", "line 8: "}}) {
    server.configure("log-level = error\n" + wrong);
    server.signal(SIGHUP);
    server.wait_for("nothing has changed");
    EXPECT_THAT(server.said(), HasSubstr("error reload: "));
    EXPECT_THAT(server.said(), HasSubstr(why)) << wrong;
  }
  EXPECT_THAT(server.said(), ::testing::Not(HasSubstr("secret")));
  EXPECT_EQ(c->echo(), status::success);
  EXPECT_EQ(log_on({2})->create("f").status, status::success);
  EXPECT_NE(connect({3})->log_on("other", "word"), status::success);
}

TEST_F(Service, AChangedPasswordHoldsForNewLogonsOnly) {
  const auto before = log_on({1});

  server.users = "user = user:changed\nuser = other:word\n";
  server.configure();
  reload();

  EXPECT_THAT(server.said(), HasSubstr("reload: user \"user\" has another password\n"));
  EXPECT_THAT(server.said(), HasSubstr("reload: user \"other\" added\n"));
  EXPECT_EQ(before->create("f").status, status::success);
  EXPECT_NE(connect({2})->log_on("user", "pass"), status::success);
  EXPECT_EQ(connect({3})->log_on("user", "changed"), status::success);
  EXPECT_EQ(connect({4})->log_on("other", "word"), status::success);
}

TEST_F(Service, SharesComeAndGo) {
  const auto old = log_on({1});
  const auto other = server.make_directory("other");

  server.configure("share = more=" + other.string() + ",leases=shared\n");
  reload();

  const auto c = log_on({2}, "MORE");
  lease_context lease;
  lease.key = {7};
  lease.state = rwh;
  const auto made = c->create("f", lease_level, lease);
  EXPECT_EQ(made.status, status::success);
  EXPECT_EQ(made.lease->state, 1U);
  EXPECT_TRUE(std::filesystem::exists(other / "f"));
  server.configure("");
  reload();
  EXPECT_EQ(c->create("g").status, status::success) << "who is connected stays";
  EXPECT_EQ(old->connect_tree("more"), status::bad_network_name);
  EXPECT_THAT(server.said(), HasSubstr("reload: share \"more\" removed"));
  server.configure("share = again=" + other.string() + "\n");
  reload();
  const auto again = log_on({3}, "again");
  EXPECT_EQ(again->create("f", lease_level, lease).lease->state, rh)
    << "the same file, which the other share's client has open";
}

TEST_F(Service, ATimeoutThatIsChangedHoldsForTheNextBreak) {
  const auto holder = log_on({1});
  lease_context lease;
  lease.key = {7};
  lease.state = rwh;
  ASSERT_EQ(holder->create("f", lease_level, lease).lease->state, rwh);

  server.configure("set = share:break_timeout=100ms\n");
  reload();

  const auto waiter = log_on({2});
  EXPECT_EQ(waiter->create("f").status, status::success) << "with 300 s nothing would come";
  EXPECT_THAT(server.said(),
    HasSubstr("setting changed: break_timeout of share \"share\": default -> 100ms\n"));
}

TEST_F(Service, SaysWhatNeedsARestart) {
  server.configure("threads = 3\nlog-level = debug\n");
  reload();

  EXPECT_THAT(server.said(), HasSubstr("reload: threads: 2 -> 3; this needs a restart\n"));
  EXPECT_THAT(server.said(), HasSubstr("reload: log-level: info -> debug\n"));
  EXPECT_THAT(server.said(), HasSubstr("reload: done; 2 changes\n"));
  EXPECT_EQ(log_on({1})->echo(), status::success);
}

TEST_F(Service, WritesStatisticsAndWaitsToTheLog) {
  const auto holder = log_on({1});
  lease_context lease;
  lease.key = {7};
  lease.state = rwh;
  ASSERT_EQ(holder->create("report.docx", lease_level, lease).lease->state, rwh);
  const auto waiter = log_on({2});
  waiter->send(command::create, raw_client::create_body("report.docx"));
  ASSERT_EQ(holder->receive_final()->head.command, command::oplock_break);

  server.signal(SIGUSR1);
  server.wait_for("waits: 1 pending operations");

  EXPECT_THAT(server.said(), HasSubstr("statistics: {"));
  EXPECT_THAT(server.said(), HasSubstr("waits: file \"report.docx\", "));
  EXPECT_THAT(server.said(), HasSubstr("user at 127.0.0.1:"));
}

TEST_F(Service, TellsTheServiceManagerWhatItDoes) {
  EXPECT_EQ(server.stop(SIGTERM), 0);
  notify_socket manager(server.directory());
  server.watchdog_us = 1'000'000;
  server.start(manager.path());

  EXPECT_THAT(manager.next(), HasSubstr("READY=1\n"));
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
  server.signal(SIGHUP);
  EXPECT_THAT(manager.next_but("WATCHDOG=1"), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
  EXPECT_THAT(manager.next_but("WATCHDOG=1"), HasSubstr("READY=1\n"));
  EXPECT_EQ(server.stop(SIGTERM), 0);
  EXPECT_EQ(manager.next_but("WATCHDOG=1"), "STOPPING=1");
}

TEST_F(Service, ChecksItsConfigurationAndServesNothing) {
  const auto good = server.check();
  EXPECT_EQ(good.status, 0) << good.said;
  server.configure("share = x=/nowhere/at/all\n");
  const auto bad = server.check();
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.said, HasSubstr("'/nowhere/at/all' is no directory"));
  server.configure("threads = 0\n");
  const auto range = server.check();
  EXPECT_NE(range.status, 0);
  EXPECT_THAT(range.said, HasSubstr("smb_server.conf: line 5: --threads"));
}

/// A persistent open, which another server finds in the store.
testing::created open_persistently(raw_client& c, const guid& by) {
  constexpr std::uint32_t persistent = 2;
  const auto a = c.call(command::create,
    raw_client::create_body_with("f", lease_level,
      {raw_client::lease_query(5, rwh), raw_client::durable_query(by, 60'000, persistent)}));
  EXPECT_TRUE(raw_client::context_of(a, "DH2Q"));
  return raw_client::read_created(a);
}

std::uint32_t find_again(raw_client& c, const file_id& id, const guid& by) {
  byte_writer reconnect;
  write_file_id(reconnect, id);
  reconnect.append(by);
  reconnect.u32(2);
  return c
    .call(command::create,
      raw_client::create_body_with(
        "f", lease_level, {raw_client::lease_query(5, rwh), {"DH2C", reconnect.take()}}))
    .head.status;
}

TEST_F(Service, RunsWithoutPrivilegesAndKeepsItsStore) {
  const auto can = std::system((std::string(UNPRIVILEGED) + " '" + server.directory().string() +
    "' sh -c '! touch /usr/leasebreak 2>/dev/null && test $(id -u) != 0'")
                                 .c_str());
  if (can != 0)
    GTEST_SKIP() << "no right to make a mount namespace";
  EXPECT_EQ(server.stop(SIGTERM), 0);
  server.is_unprivileged = true;
  server.share_options = ",ca";
  const auto more = "store = rocksdb:" + (server.directory() / "store").string() + "\n";
  server.configure(more);
  notify_socket manager(server.directory());
  server.start(manager.path());
  EXPECT_THAT(manager.next(), HasSubstr("READY=1"));
  const auto open_on = [&](std::unique_ptr<raw_client>& c) {
    c = std::make_unique<raw_client>(server.port());
    c->negotiate(dialect::smb_3_0_2, {1});
    EXPECT_EQ(c->log_on("user", "pass"), status::success);
    EXPECT_EQ(c->connect_tree("share"), status::success);
  };
  std::unique_ptr<raw_client> c;
  open_on(c);
  const guid by{0xc, 9};
  const auto made = open_persistently(*c, by);
  ASSERT_EQ(made.status, status::success);
  server.configure(more + "log-level = debug\n");
  reload();
  EXPECT_EQ(c->echo(), status::success);

  EXPECT_EQ(server.stop(SIGTERM), 0);
  server.start();

  open_on(c);
  EXPECT_EQ(find_again(*c, made.id, by), status::success);
  EXPECT_THAT(server.said(), HasSubstr("the last stop was in order"));
}

TEST(LogFormat, OfJsonIsOneObjectALine) {
  std::ostringstream out;
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out);
  sink->set_formatter(make_json_formatter());
  spdlog::logger log("test", sink);

  log.warn("a \"quoted\\x00\" name\n{}", "\x01");
  log.info("{}", "plain");

  EXPECT_THAT(out.str(),
    MatchesRegex(
      R"(\{"time":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}[+-][0-9]{2}:[0-9]{2}",)"
      R"("level":"warning","message":"a \\"quoted\\\\x00\\" name\\u000a\\u0001"\})"
      "\n"
      R"(\{"time":"[^"]+","level":"info","message":"plain"\})"
      "\n"));
}

} // namespace
} // namespace leasebreak::smb
