// Related requests of a compound use the ids of the request before them (MS-SMB2 3.3.5.2.7.2).
#include "initiator.hpp"
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::initiator;
using testing::raw_client;
using testing::test_server;

struct sent {
  command what;
  byte_vector body;
};

sent create(const std::string& name, disposition how = disposition::open_if) {
  return {command::create, raw_client::create_body(name, 0, {}, how)};
}

sent close(const file_id& id = related_file_id) {
  return {command::close, raw_client::close_body(id)};
}

class RelatedRequests : public ::testing::Test {
protected:
  /// Sends one frame, in which all requests but the first are related.
  std::vector<answer> send(const std::vector<sent>& requests) {
    byte_writer frame;
    std::size_t last = 0;
    for (const sent& r : requests) {
      if (frame.size() > 0) {
        frame.align(8);
        frame.patch_u32(last + 20, static_cast<std::uint32_t>(frame.size() - last)); // NextCommand
      }
      last = frame.size();
      frame.append(client.make_message(r.what, r.body, last > 0 ? header_flag::related : 0));
    }
    client.send_frame(frame.view());
    return client.receive_compound(requests.size());
  }

  std::vector<std::uint32_t> statuses(const std::vector<sent>& requests) {
    std::vector<std::uint32_t> result;
    for (const answer& a : send(requests))
      result.push_back(a.head.status);
    return result;
  }

  using list = std::vector<std::uint32_t>;

  test_server server;
  raw_client client{server.port()};
};

TEST_F(RelatedRequests, UseTheTreeThatTheCompoundHasConnected) {
  client.set_up();
  client.tree_id = 0;

  const auto answers =
    send({{command::tree_connect, raw_client::tree_connect_body("share")}, create("f"), close()});

  ASSERT_EQ(answers.size(), 3U);
  for (const answer& a : answers)
    EXPECT_EQ(a.head.status, status::success);
}

TEST_F(RelatedRequests, UseTheSessionThatTheCompoundHasSetUp) {
  client.negotiate();
  initiator who{"user", "pass"};
  const answer first =
    client.call(command::session_setup, raw_client::session_setup_body(who.step({})));
  ASSERT_EQ(first.head.status, status::more_processing_required);
  client.session_id = first.head.session_id;

  EXPECT_EQ(
    statuses({{command::session_setup,
                raw_client::session_setup_body(who.step(raw_client::token_of(first)))},
      {command::tree_connect, raw_client::tree_connect_body("share")}, create("f"), close()}),
    (list{status::success, status::success, status::success, status::success}));
}

TEST_F(RelatedRequests, FailIfTheCompoundCouldNotConnectTheTree) {
  client.set_up();

  EXPECT_EQ(statuses({{command::tree_connect, raw_client::tree_connect_body("none")}, create("f"),
              close()}),
    (list{status::bad_network_name, status::invalid_parameter, status::invalid_parameter}));
}

// MS-SMB2 3.3.4.1.1: the response to a signed request is signed.
TEST_F(RelatedRequests, ThatFailAreAnsweredWithASignature) {
  client.negotiate(dialect::smb_3_0);
  ASSERT_EQ(client.log_on(), status::success);
  client.signs = true;

  const auto answers =
    send({{command::tree_connect, raw_client::tree_connect_body("none")}, create("f")});

  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[1].head.status, status::invalid_parameter);
  for (const answer& a : answers)
    EXPECT_TRUE(verify(signing_algorithm::aes_cmac, client.key, a.bytes));
}

TEST_F(RelatedRequests, WithoutAFileFail) {
  client.set_up();

  EXPECT_EQ(
    statuses({{command::echo, empty_body}, close(), {command::echo, empty_body}, create("f")}),
    (list{
      status::success, status::invalid_handle, status::invalid_handle, status::invalid_handle}));
}

TEST_F(RelatedRequests, UseTheFileOfTheRequestBeforeWhateverTheyName) {
  client.set_up();
  const created other = client.create("g");

  EXPECT_EQ(statuses({create("f"), close(other.id)}), (list{status::success, status::success}));

  EXPECT_EQ(client.close(other.id), status::success);
}

TEST_F(RelatedRequests, DoNotUseAnEarlierFileThanThatOfTheFailedCreate) {
  client.set_up();
  const created before = client.create("f");

  EXPECT_EQ(statuses({{command::read, raw_client::read_body(before.id, 1)},
              create("none", disposition::open), close()}),
    (list{status::end_of_file, status::object_name_not_found, status::object_name_not_found}));

  EXPECT_EQ(client.close(before.id), status::success);
}

} // namespace
} // namespace leasebreak::smb
