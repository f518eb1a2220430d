// Sessions, trees and signatures on the wire.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/status.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::raw_client;
using testing::test_server;

TEST(Sessions, NeedTheRightPassword) {
  test_server server;
  raw_client client{server.port()};
  client.negotiate();

  EXPECT_EQ(client.log_on("user", "wrong"), status::logon_failure);
  client.session_id = 0;
  EXPECT_EQ(client.log_on("user", "pass"), status::success);
}

TEST(Sessions, AreSetUpAtEveryDialectWithoutContexts) {
  test_server server;
  for (const dialect d :
    {dialect::smb_2_0_2, dialect::smb_2_1, dialect::smb_3_0, dialect::smb_3_0_2}) {
    raw_client client{server.port()};
    client.negotiate(d);

    EXPECT_EQ(client.log_on(), status::success);
    EXPECT_EQ(client.connect_tree(), status::success);
  }
}

TEST(Sessions, EndThePreviousOneHoweverTheUserIsSpelled) {
  test_server server;
  raw_client before{server.port()};
  before.set_up();
  raw_client other{server.port()};
  other.negotiate();

  ASSERT_EQ(other.log_on("USER", "pass", 0, before.session_id), status::success);

  EXPECT_EQ(before.create("f").status, status::user_session_deleted);
}

TEST(Sessions, AreSetUpWithNtlmAloneAtEveryDialect) {
  test_server server;
  testing::logon_script alone;
  alone.uses_spnego = false;
  for (const dialect d : {dialect::smb_2_0_2, dialect::smb_2_1, dialect::smb_3_0,
         dialect::smb_3_0_2, dialect::smb_3_1_1}) {
    raw_client client{server.port()};
    client.negotiate(d);

    ASSERT_EQ(client.log_on(alone), status::success);
    client.signs = true; // proves that both sides have the same key
    EXPECT_EQ(client.connect_tree(), status::success);
    EXPECT_EQ(client.create("f").status, status::success);
  }
}

/// Logons in which everything but the password is right.
std::vector<testing::logon_script> forged_logons() {
  using testing::logon_script;
  std::vector<logon_script> result(4);
  result[0].password = "wrong";
  result[1].nt = logon_script::response::version_1;
  result[1].signs_messages = logon_script::mic::none;
  result[2].nt = logon_script::response::wrong_proof;
  result[2].lm_is_right = true;
  result[3].nt = logon_script::response::empty;
  return result;
}

// MS-SMB2 3.3.5.5.3: before the client is authenticated, nothing happens to other clients' state.
TEST(Sessions, AreNotEndedByAClientThatDoesNotKnowThePassword) {
  test_server server;
  raw_client before{server.port()};
  before.set_up();
  const testing::created open = before.create("f", 0x09);
  for (const bool spnego : {false, true}) {
    for (testing::logon_script script : forged_logons()) {
      script.uses_spnego = spnego;
      raw_client other{server.port()};
      other.negotiate();

      EXPECT_EQ(other.log_on(script, 0, before.session_id), status::logon_failure);
      EXPECT_NE(other.connect_tree(), status::success);
    }
  }

  EXPECT_EQ(
    before.call(command::write, raw_client::write_body(open.id, "x")).head.status, status::success);
}

TEST(Sessions, CanBeSetUpOnAConnectionThatWasRefusedOne) {
  test_server server;
  raw_client client{server.port()};
  client.negotiate();
  for (const testing::logon_script& script : forged_logons()) {
    client.session_id = 0;
    ASSERT_EQ(client.log_on(script), status::logon_failure);
  }
  client.session_id = 0;

  EXPECT_EQ(client.log_on(), status::success);
  EXPECT_EQ(client.connect_tree(), status::success);
}

// MS-SMB2 3.3.5.5.3.
TEST(Sessions, EndWhenTheirClientFailsToAuthenticateAgain) {
  test_server server;
  for (const dialect d : {dialect::smb_2_1, dialect::smb_3_0, dialect::smb_3_1_1}) {
    raw_client client{server.port()};
    client.negotiate(d);
    ASSERT_EQ(client.log_on(), status::success);
    client.signs = true;
    ASSERT_EQ(client.connect_tree(), status::success);
    const testing::created open = client.create("f", 0x09);
    ASSERT_EQ(open.status, status::success);

    EXPECT_EQ(client.log_on("user", "wrong"), status::logon_failure);

    EXPECT_EQ(client.close(open.id), status::user_session_deleted);
    raw_client other{server.port()};
    other.set_up({2});
    EXPECT_EQ(other.create("f", 0x09).oplock, 0x09) << "the ended session still has its open";
  }
}

TEST(Sessions, StayWhenTheirClientAuthenticatesAgain) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();
  const testing::created open = client.create("f", 0x09);
  const std::uint64_t id = client.session_id;

  EXPECT_EQ(client.log_on(), status::success);

  EXPECT_EQ(client.session_id, id);
  EXPECT_EQ(client.close(open.id), status::success);
}

TEST(Sessions, StayWhenAFurtherChannelIsRefused) {
  test_server server;
  raw_client first{server.port()};
  first.negotiate(dialect::smb_3_0_2);
  ASSERT_EQ(first.log_on(), status::success);
  first.signs = true;
  ASSERT_EQ(first.connect_tree(), status::success);
  raw_client second{server.port()};
  second.negotiate(dialect::smb_3_0_2);

  EXPECT_EQ(second.bind_to(first, "user", "wrong"), status::logon_failure);

  EXPECT_EQ(first.create("f").status, status::success);
}

TEST(Sessions, LogRefusedUsersEscaped) {
  test_server server;
  raw_client client{server.port()};
  client.negotiate();
  client.log_on("no\nbody", "pass");
  client.session_id = 0;
  client.log_on("user", "wrong");

  const std::string log = server.stop();
  EXPECT_NE(log.find("an unknown user: \"no\\x0abody\""), std::string::npos) << log;
  EXPECT_NE(log.find("a wrong password of WORKGROUP\\user"), std::string::npos) << log;
}

TEST(Sessions, ThatAreUnknownOrEndedReturnAnError) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();
  const byte_vector empty{4, 0, 0, 0};

  EXPECT_EQ(client.call(command::logoff, empty).head.status, status::success);
  EXPECT_EQ(client.call(command::logoff, empty).head.status, status::user_session_deleted);
  EXPECT_EQ(client.create("f").status, status::user_session_deleted);
}

TEST(Trees, OfUnknownSharesAreRefusedAndNamesHaveNoCase) {
  test_server server;
  raw_client client{server.port()};
  client.negotiate();
  ASSERT_EQ(client.log_on(), status::success);

  EXPECT_EQ(client.connect_tree("nothing"), status::bad_network_name);
  EXPECT_EQ(client.connect_tree("SHARE"), status::success);
  EXPECT_EQ(client.connect_tree("IPC$"), status::success);
  EXPECT_EQ(client.create("pipe").status, status::object_name_not_found);
}

TEST(Trees, ThatWereDisconnectedAreGoneWithTheirOpens) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();
  const testing::created c = client.create("f");
  ASSERT_EQ(c.status, status::success);
  const byte_vector empty{4, 0, 0, 0};

  EXPECT_EQ(client.call(command::tree_disconnect, empty).head.status, status::success);
  EXPECT_EQ(client.close(c.id), status::network_name_deleted);
  ASSERT_EQ(client.connect_tree(), status::success);
  EXPECT_EQ(client.close(c.id), status::file_closed);
}

TEST(Signatures, AreCheckedAndAnswered) {
  test_server server;
  for (const dialect d : {dialect::smb_2_1, dialect::smb_3_0}) {
    raw_client client{server.port()};
    client.negotiate(d);
    ASSERT_EQ(client.log_on(), status::success);
    client.signs = true;
    const auto algorithm =
      d == dialect::smb_2_1 ? signing_algorithm::hmac_sha256 : signing_algorithm::aes_cmac;

    const answer a = client.call(command::echo, byte_vector{4, 0, 0, 0});
    EXPECT_EQ(a.head.status, status::success);
    EXPECT_TRUE(a.head.has(header_flag::signed_message));
    EXPECT_TRUE(verify(algorithm, client.key, a.bytes));

    client.key[3] ^= 1;
    EXPECT_EQ(client.echo(), status::access_denied);
  }
}

std::uint16_t security_mode_of(const answer& negotiated) {
  byte_reader in = negotiated.body();
  in.skip(2);
  return in.u16();
}

TEST(Signatures, ThatAreRequiredAreAskedForAndMayNotBeMissing) {
  server_options options;
  options.require_signing = true;
  test_server server{options};
  for (const dialect d : {dialect::smb_2_0_2, dialect::smb_2_1, dialect::smb_3_0}) {
    raw_client client{server.port()};
    EXPECT_EQ(security_mode_of(client.negotiate(d)), 3);
    ASSERT_EQ(client.log_on(), status::success);

    EXPECT_EQ(client.connect_tree(), status::access_denied);
    EXPECT_EQ(client.echo(), status::access_denied);
    client.signs = true;
    EXPECT_EQ(client.connect_tree(), status::success);
    EXPECT_EQ(client.create("f").status, status::success);
  }
}

TEST(Signatures, ThatAreNotRequiredMayBeMissing) {
  test_server server;
  raw_client client{server.port()};

  EXPECT_EQ(security_mode_of(client.negotiate()), 1);
  ASSERT_EQ(client.log_on(), status::success);
  EXPECT_EQ(client.connect_tree(), status::success);
}

TEST(Signatures, ThatTheClientRequiresMayNotBeMissingInItsSession) {
  test_server server;
  for (const dialect d : {dialect::smb_2_0_2, dialect::smb_2_1, dialect::smb_3_0_2}) {
    raw_client client{server.port()};
    client.negotiate(d);
    ASSERT_EQ(client.log_on(), status::success);
    const std::uint64_t lax = client.session_id;
    client.session_id = 0;
    client.security_mode = security_mode::signing_enabled | security_mode::signing_required;
    ASSERT_EQ(client.log_on(), status::success);

    EXPECT_EQ(client.connect_tree(), status::access_denied);
    client.signs = true;
    EXPECT_EQ(client.connect_tree(), status::success);
    EXPECT_EQ(client.create("f").status, status::success);
    client.signs = false;
    client.session_id = lax;
    EXPECT_EQ(client.connect_tree(), status::success);
  }
}

// A signature proves that the negotiation was not modified (MS-SMB2 3.3.5.7).
TEST(Signatures, AreNeededToUseAShareAt311) {
  test_server server;
  raw_client signing{server.port()};
  raw_client lax{server.port()};
  for (raw_client* client : {&signing, &lax}) {
    client->negotiate(dialect::smb_3_1_1);
    ASSERT_EQ(client->log_on(), status::success);
  }

  signing.signs = true;
  EXPECT_EQ(signing.connect_tree(), status::success);
  EXPECT_EQ(signing.create("f").status, status::success);
  lax.connect_tree();
  EXPECT_TRUE(lax.is_closed_by_peer());
}

TEST(Opens, WithAnImpersonationLevelThatDoesNotExistAreRefused) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();
  const auto status_with = [&](std::uint8_t level) {
    byte_vector body = raw_client::create_body("f");
    body[4] = level;
    return client.call(command::create, body).head.status;
  };

  for (std::uint8_t level = 0; level < 4; ++level)
    EXPECT_EQ(status_with(level), status::success);
  EXPECT_EQ(status_with(4), status::bad_impersonation_level);
  EXPECT_EQ(status_with(255), status::bad_impersonation_level);
}

TEST(Opens, AreClosedOnce) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();
  const testing::created c = client.create("f");

  EXPECT_EQ(client.close(c.id), status::success);
  EXPECT_EQ(client.close(c.id), status::file_closed);
}

TEST(Opens, OfPathsOutsideTheShareAreRefused) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();

  for (const std::string name : {"..\\x", "a\\..\\..\\x", "\\x", "a\\\\b", "x*", "a/../../x"})
    EXPECT_NE(client.create(name).status, status::success) << name;
}

/// Starts a server with these options, and returns its error.
std::string failure_to_start(server_options options) {
  loop_set loops{options.threads};
  options.users = {{"user", "pass"}};
  options.shares = {{"share", std::filesystem::temp_directory_path().string(), {}}};
  const auto log = std::make_shared<testing::log_keeper>();
  machine runs{loops};
  server s{runs, options, std::make_shared<spdlog::logger>("test", log)};
  auto started = boost::asio::co_spawn(loops.main(), s.start(), boost::asio::use_future);
  loops.run([](boost::asio::io_context& io) { io.run(); });
  EXPECT_EQ(log->text().find("store memory read"), std::string::npos) << log->text();
  try {
    started.get();
    return {};
  } catch (const std::exception& e) {
    return e.what();
  }
}

TEST(Servers, ThatCannotListenSayWhereAndLeaveTheStoreAlone) {
  test_server first;
  server_options options;
  options.port = first.port();

  EXPECT_EQ(failure_to_start(options),
    "cannot listen on 127.0.0.1:" + std::to_string(first.port()) + ": Address already in use");
  options.address = "2001:db8::1";
  options.port = 1;
  EXPECT_EQ(failure_to_start(options).find("cannot listen on [2001:db8::1]:1: "), 0U);
}

/// Serves a directory, and a second one with this path relative to the first.
void serve_both(const std::filesystem::path& other) {
  const test_server first; // provides the directory
  std::filesystem::create_directories(first.directory() / "folder/inner");
  server_options options;
  options.shares = {{"outer", (first.directory() / "folder").string(), {}},
    {"second", (first.directory() / "folder" / other).string(), {}}};
  const test_server both{options};
}

TEST(Servers, RefuseSharesOfWhichOneLiesBeneathTheOther) {
  EXPECT_THROW(serve_both("inner"), std::runtime_error);
  EXPECT_THROW(serve_both(".."), std::runtime_error);
  EXPECT_NO_THROW(serve_both("."));
}

TEST(Servers, StopInOrderWithClientsConnected) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();
  ASSERT_EQ(client.create("f", 0x09).status, status::success);

  server.stop();

  EXPECT_TRUE(client.is_closed_by_peer());
}

} // namespace
} // namespace leasebreak::smb
