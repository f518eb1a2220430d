// Durable opens on the wire: they survive their connection, and only their client can reconnect.
#include "held_disk.hpp"
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/net/connection.hpp>
#include <smb_server/wire/durable.hpp>
#include <smb_server/wire/status.hpp>

#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

/// A CREATE with one context.
byte_vector create_with(
  const std::string& name, std::uint8_t oplock, const std::string& context, byte_vector data) {
  return raw_client::create_body_with(name, oplock, {{context, std::move(data)}});
}

bool has_context(const answer& a, const std::string& name) {
  return raw_client::context_of(a, name).has_value();
}

byte_vector reconnect_data(const file_id& id) {
  byte_writer out;
  write_file_id(out, id);
  return out.take();
}

/// Opens a file with a batch oplock and a durable handle of version 1.
created open_durable(raw_client& by) {
  return raw_client::read_created(
    by.call(command::create, create_with("f", batch_level, "DHnQ", byte_vector(16))));
}

TEST(DurableOpens, SurviveTheirConnection) {
  test_server server;
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  const answer opened =
    first->call(command::create, create_with("f", batch_level, "DHnQ", byte_vector(16)));
  const created c = raw_client::read_created(opened);
  ASSERT_EQ(c.status, status::success);
  EXPECT_TRUE(has_context(opened, "DHnQ"));

  first.reset();
  while (server.get().kept().size() == 0)
    std::this_thread::yield();
  raw_client second{server.port()};
  second.set_up({1});
  const answer back =
    second.call(command::create, create_with("", 0, "DHnC", reconnect_data(c.id)));

  ASSERT_EQ(back.head.status, status::success);
  EXPECT_EQ(raw_client::read_created(back).oplock, batch_level);
  EXPECT_FALSE(has_context(back, "DHnQ"));
  EXPECT_EQ(second.close(raw_client::read_created(back).id), status::success);
  EXPECT_EQ(server.get().kept().size(), 0U);
}

/// A disconnected open of version 2, and its client in a new session.
struct sent_again {
  sent_again() {
    raw_client first{server.port()};
    EXPECT_EQ(ask(first, {1}, create(), false), status::success);
    opened = again;
  }

  [[nodiscard]] byte_vector create(std::uint8_t key = 7, std::uint32_t flags = 0) const {
    return raw_client::create_body_with("f", lease_level,
      {raw_client::lease_query(key, rwh), raw_client::durable_query(create_guid, 60'000, flags)});
  }

  std::uint32_t ask(raw_client& c, const guid& client, const byte_vector& body, bool is_replay) {
    c.negotiate(dialect::smb_3_0, client);
    EXPECT_EQ(c.log_on(), status::success);
    EXPECT_EQ(c.connect_tree(), status::success);
    const answer a = c.call(command::create, body, is_replay ? header_flag::replay : 0);
    again = a.head.status == status::success ? raw_client::read_created(a) : created{};
    return a.head.status;
  }

  test_server server;
  const guid create_guid{5};
  created opened;
  created again;
};

// MS-SMB2 3.3.5.9.10: the response equals the first one.
TEST(DurableOpens, AreReconnectedByAReplayedCreate) {
  sent_again t;
  raw_client second{t.server.port()};

  ASSERT_EQ(t.ask(second, {1}, t.create(), true), status::success);

  EXPECT_EQ(t.again.id.persistent, t.opened.id.persistent);
  EXPECT_EQ(t.again.action, t.opened.action);
  EXPECT_EQ(t.again.oplock, lease_level);
  EXPECT_EQ(t.again.lease->state, rwh);
  EXPECT_EQ(second.close(t.again.id), status::success);
  EXPECT_EQ(t.server.get().kept().size(), 0U);
}

TEST(DurableOpens, KeepTheirCreateGuidFromOtherCreates) {
  sent_again t;
  raw_client second{t.server.port()};
  raw_client third{t.server.port()};

  EXPECT_EQ(t.ask(second, {1}, t.create(), false), status::duplicate_objectid);
  // The CreateGuid belongs to the first client only. Another client just opens the file.
  EXPECT_EQ(t.ask(third, {2}, t.create(8), true), status::success);
  EXPECT_NE(t.again.id.persistent, t.opened.id.persistent);
}

TEST(DurableOpens, AreFoundByTheirReplayThoughAnotherClientUsesTheirCreateGuid) {
  sent_again t;
  raw_client other{t.server.port()};
  other.negotiate(dialect::smb_3_0, {2});
  ASSERT_EQ(other.log_on(), status::success);
  ASSERT_EQ(other.connect_tree(), status::success);
  ASSERT_EQ(
    other
      .call(command::create,
        raw_client::create_body_with("g", batch_level, {raw_client::durable_query(t.create_guid)}))
      .head.status,
    status::success);
  raw_client second{t.server.port()};

  EXPECT_EQ(t.ask(second, {1}, t.create(), true), status::success);

  EXPECT_EQ(t.again.id.persistent, t.opened.id.persistent);
}

// The connections of a client without multichannel share no session.
TEST(DurableOpens, KeepTheirCreateGuidFromTheClientsOtherConnections) {
  test_server server;
  raw_client first{server.port()};
  raw_client second{server.port()};
  for (raw_client* c : {&first, &second}) {
    c->negotiate_alone(dialect::smb_3_0);
    ASSERT_EQ(c->log_on(), status::success);
    ASSERT_EQ(c->connect_tree(), status::success);
  }
  const byte_vector body =
    raw_client::create_body_with("f", batch_level, {raw_client::durable_query({5})});
  ASSERT_EQ(first.call(command::create, body).head.status, status::success);

  EXPECT_EQ(second.call(command::create, body).head.status, status::duplicate_objectid);
  EXPECT_EQ(second.call(command::create, body, header_flag::replay).head.status,
    status::duplicate_objectid);
}

TEST(DurableOpens, NeedTheirOwnLeaseKeyInAReplayedCreate) {
  sent_again t;
  raw_client second{t.server.port()};

  EXPECT_NE(t.ask(second, {1}, t.create(8), true), status::success);

  raw_client third{t.server.port()};
  EXPECT_EQ(t.ask(third, {1}, t.create(), true), status::success);
  EXPECT_EQ(t.again.id.persistent, t.opened.id.persistent);
}

TEST(DurableOpens, AreReconnectedHoweverTheUserIsSpelled) {
  test_server server;
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  const created c = open_durable(*first);
  ASSERT_EQ(c.status, status::success);

  first.reset();
  while (server.get().kept().size() == 0)
    std::this_thread::yield();
  raw_client second{server.port()};
  second.negotiate();
  ASSERT_EQ(second.log_on("User"), status::success);
  ASSERT_EQ(second.connect_tree(), status::success);

  EXPECT_EQ(
    second.call(command::create, create_with("", 0, "DHnC", reconnect_data(c.id))).head.status,
    status::success);
}

/// Runs `first` on a connection's strand, then blocks the strand until it is destroyed.
class strand_block {
public:
  strand_block(std::shared_ptr<connection> c, std::function<void(connection&)> first)
    : connection_{std::move(c)} {
    boost::asio::post(connection_->get_executor(),
      [c = connection_, first = std::move(first), go = go_.get_future().share()] {
        first(*c);
        go.wait();
      });
  }
  ~strand_block() { go_.set_value(); }
  strand_block(const strand_block&) = delete;
  strand_block& operator=(const strand_block&) = delete;

private:
  std::shared_ptr<connection> connection_;
  std::promise<void> go_;
};

server_options with_log() {
  server_options options;
  options.log_level = "debug";
  return options;
}

/// A client's second connection reconnects to the durable open of the first, before the server has
/// processed the end of the first.
struct overtaken {
  overtaken() {
    first.set_up({1});
    c = raw_client::read_created(
      first.call(command::create, create_with("f", batch_level, "DHnQ", byte_vector(16))));
    second.set_up({1});
  }

  /// The server has decided to close the first connection, but its teardown waits for the block's
  /// end.
  strand_block end_the_first() {
    const auto handle = static_cast<open_id>(c.id.persistent);
    return {
      server.get().kept().connection_of(handle), [](connection& old) { old.close("a test"); }};
  }

  void ask_by_the_second() {
    second.send(command::create, create_with("", 0, "DHnC", reconnect_data(c.id)));
  }

  test_server server{with_log()};
  raw_client first{server.port()};
  raw_client second{server.port()};
  created c;
};

// The old connection is closed, and its teardown has not started.
TEST(DurableOpens, AreWaitedForWhileTheirConnectionEnds) {
  overtaken t;
  ASSERT_EQ(t.c.status, status::success);

  {
    const strand_block ending = t.end_the_first();
    t.ask_by_the_second();
    ASSERT_TRUE(t.server.has_logged("asks for an open of"));
  }

  EXPECT_EQ(t.second.await_answer().head.status, status::success);
}

// The reconnecting session ends while the old connection does.
TEST(DurableOpens, StayKeptIfTheReconnectingSessionEnds) {
  overtaken t;
  ASSERT_EQ(t.c.status, status::success);

  {
    const strand_block ending = t.end_the_first();
    t.ask_by_the_second();
    ASSERT_TRUE(t.server.has_logged("asks for an open of"));
    EXPECT_EQ(t.second.call(command::logoff, byte_vector{4, 0, 0, 0}).head.status, status::success);
  }
  const auto late = t.second.receive_final();
  ASSERT_TRUE(late);
  EXPECT_EQ(late->head.status, status::user_session_deleted);

  raw_client third{t.server.port()};
  third.set_up({1});
  EXPECT_EQ(
    third.call(command::create, create_with("", 0, "DHnC", reconnect_data(t.c.id))).head.status,
    status::success);
}

// The old connection has too many requests in flight. The server does not read from it, and thus
// does not notice its end.
TEST(DurableOpens, AreReconnectedThoughTheOldConnectionsEndIsUnread) {
  server_limits limits;
  limits.requests_bytes = 1;
  test_server server{limits};
  raw_client other{server.port()};
  other.set_up({2});
  ASSERT_EQ(other.create("held", batch_level).oplock, batch_level);
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  const created c = open_durable(*first);
  ASSERT_EQ(c.status, status::success);
  first->send(command::create, raw_client::create_body("held"));
  const auto broken = other.receive();
  ASSERT_TRUE(broken);
  ASSERT_EQ(broken->head.command, command::oplock_break);

  first.reset();
  raw_client second{server.port()};
  second.set_up({1});
  const answer back =
    second.call(command::create, create_with("", 0, "DHnC", reconnect_data(c.id)));

  EXPECT_EQ(back.head.status, status::success);
}

// The other opens of the connection have changed their files, which is reported to the directory.
TEST(DurableOpens, AreReconnectedBeforeTheDiskHasDoneTheRestOfTheirConnection) {
  test_server server;
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  std::vector<file_id> durable;
  for (int i = 0; i < 3; ++i) {
    const std::string number = std::to_string(i);
    const created c = raw_client::read_created(first->call(
      command::create, create_with("f" + number, batch_level, "DHnQ", byte_vector(16))));
    ASSERT_EQ(c.status, status::success);
    durable.push_back(c.id);
    const created changed = first->create("g" + number);
    ASSERT_EQ(first->call(command::write, raw_client::write_body(changed.id, "x")).head.status,
      status::success);
  }
  raw_client second{server.port()};
  second.set_up({1});
  const testing::held_disk disk{server};

  first.reset();
  disk.await_operation();

  for (const file_id& id : durable) {
    second.send(command::create, create_with("", 0, "DHnC", reconnect_data(id)));
    const answer back = second.await_answer();
    ASSERT_FALSE(back.bytes.empty());
    EXPECT_EQ(back.head.status, status::success);
  }
}

// The LOGOFF has taken the opens when the connection ends, and still waits for the disk, which says
// whether the directory can be deleted.
TEST(DurableOpens, AreKeptIfTheirConnectionEndsDuringItsLogoff) {
  test_server server;
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  const created c = open_durable(*first);
  ASSERT_EQ(c.status, status::success);
  std::filesystem::create_directories(server.directory() / "d" / "child");
  constexpr std::uint32_t directory_to_delete = 0x1001;
  byte_writer deleting{raw_client::create_body("d", 0, {}, disposition::open, directory_to_delete)};
  deleting.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  ASSERT_EQ(first->call(command::create, deleting.view()).head.status, status::success);
  raw_client second{server.port()};
  second.set_up({1});
  {
    const testing::held_disk disk{server};
    first->send(command::logoff, byte_vector{4, 0, 0, 0});
    disk.await_operation();
    first.reset();
    ASSERT_TRUE(server.has_logged("the peer is gone"));
    ASSERT_EQ(second.echo(), status::success); // all that the end does without the disk is done
  }

  const answer back =
    second.call(command::create, create_with("", 0, "DHnC", reconnect_data(c.id)));

  EXPECT_EQ(back.head.status, status::success);
}

// The Linux kernel adds QFid to each CREATE. Other clients add other contexts.
TEST(DurableOpens, AreReconnectedWhateverElseIsRequested) {
  for (const bool second_version : {false, true}) {
    SCOPED_TRACE(second_version);
    test_server server;
    auto first = std::make_unique<raw_client>(server.port());
    first->set_up({1});
    byte_vector query(second_version ? 32 : 16);
    if (second_version)
      query[16] = 7; // CreateGuid
    const created c = raw_client::read_created(first->call(command::create,
      create_with("f", batch_level, second_version ? "DH2Q" : "DHnQ", std::move(query))));
    ASSERT_EQ(c.status, status::success);
    first.reset();
    while (server.get().kept().size() == 0)
      std::this_thread::yield();

    raw_client second{server.port()};
    second.set_up({1});
    byte_vector reconnect = reconnect_data(c.id);
    if (second_version) {
      reconnect.resize(36);
      reconnect[16] = 7;
    }
    const answer back = second.call(command::create,
      raw_client::create_body_with("", 0,
        {{second_version ? "DH2C" : "DHnC", std::move(reconnect)}, {"QFid", {}}, {"MxAc", {}},
          {"AlSi", byte_vector(8)}, {"none", byte_vector(3)}}));

    ASSERT_EQ(back.head.status, status::success);
    EXPECT_TRUE(has_context(back, "QFid"));
  }
}

// MS-SMB2 3.3.5.9.6, 3.3.5.9.10.
TEST(DurableOpens, CannotBeDirectories) {
  test_server server;
  raw_client c{server.port()};
  c.negotiate(dialect::smb_3_0_2);
  ASSERT_EQ(c.log_on(), status::success);
  ASSERT_EQ(c.connect_tree(), status::success);
  for (const auto& query :
    {raw_client::durable_query({9}), testing::context{"DHnQ", byte_vector(16)}}) {
    SCOPED_TRACE(query.first);
    byte_vector body =
      raw_client::create_body_with("d", lease_level, {raw_client::lease_query(3, rh), query});
    body[40] = static_cast<std::uint8_t>(body[40] | 1); // FILE_DIRECTORY_FILE, of CreateOptions

    const answer opened = c.call(command::create, body);

    const created made = raw_client::read_created(opened);
    ASSERT_EQ(made.status, status::success);
    EXPECT_EQ(made.lease.value().state, rh) << "despite Handle caching";
    EXPECT_FALSE(has_context(opened, query.first));
    EXPECT_EQ(c.close(made.id), status::success);
  }
}

TEST(DurableOpens, NeedHandleCaching) {
  test_server server;
  raw_client client{server.port()};
  client.set_up({1});

  const answer opened =
    client.call(command::create, create_with("f", 0x01, "DHnQ", byte_vector(16)));

  ASSERT_EQ(opened.head.status, status::success);
  EXPECT_FALSE(has_context(opened, "DHnQ"));
}

TEST(DurableOpens, ThatAreConnectedOrUnknownCannotBeReconnected) {
  test_server server;
  raw_client client{server.port()};
  client.set_up({1});
  const created c = raw_client::read_created(
    client.call(command::create, create_with("f", batch_level, "DHnQ", byte_vector(16))));
  ASSERT_EQ(c.status, status::success);

  const auto reconnect = [&](const file_id& id) {
    return client.call(command::create, create_with("f", batch_level, "DHnC", reconnect_data(id)))
      .head.status;
  };

  EXPECT_EQ(reconnect(c.id), status::object_name_not_found);
  EXPECT_EQ(reconnect({12'345, 12'345}), status::object_name_not_found);
}

TEST(DurableOpens, ArePurgedForOtherClients) {
  test_server server;
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  const created c = open_durable(*first);
  first.reset();
  while (server.get().kept().size() == 0)
    std::this_thread::yield();
  raw_client second{server.port()};
  second.set_up({2});

  EXPECT_EQ(second.create("f", batch_level).oplock, batch_level);
  raw_client third{server.port()};
  third.set_up({1});
  EXPECT_EQ(
    third.call(command::create, create_with("f", 0, "DHnC", reconnect_data(c.id))).head.status,
    status::object_name_not_found);
}

/// A CREATE whose open deletes the file, and is durable.
byte_vector create_to_delete(const std::string& name) {
  constexpr std::uint32_t delete_on_close = 0x1000;
  byte_writer body{create_with(name, batch_level, "DHnQ", byte_vector(16))};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  body.patch_u32(40, delete_on_close); // CreateOptions
  return body.take();
}

// No record survives, thus nothing else could delete the files later (MS-FSA 2.1.5.5).
TEST(DurableOpens, DeleteTheirFilesWhenTheServerStops) {
  test_server server;
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  raw_client second{server.port()};
  second.set_up({2});
  ASSERT_EQ(first->call(command::create, create_to_delete("kept")).head.status, status::success);
  ASSERT_EQ(second.call(command::create, create_to_delete("open")).head.status, status::success);
  ASSERT_EQ(second.create("stays", batch_level).status, status::success);
  first.reset();
  while (server.get().kept().size() == 0)
    std::this_thread::yield();
  ASSERT_TRUE(std::filesystem::exists(server.directory() / "kept"));

  server.stop();

  EXPECT_FALSE(std::filesystem::exists(server.directory() / "kept"));
  EXPECT_FALSE(std::filesystem::exists(server.directory() / "open"));
  EXPECT_TRUE(std::filesystem::exists(server.directory() / "stays"));
}

TEST(DurableContexts, OfBothVersionsDoNotMix) {
  const byte_vector data(36);
  const auto valid = [&](std::vector<std::string> names) {
    create_request r;
    for (std::string& name : names)
      r.contexts.push_back({std::move(name), data});
    return parse_durable_contexts(r).valid;
  };

  EXPECT_TRUE(valid({"DHnQ"}));
  EXPECT_TRUE(valid({"DH2C"}));
  EXPECT_TRUE(valid({"DHnQ", "DHnC"}));
  EXPECT_FALSE(valid({"DHnC", "DH2C"}));
  EXPECT_FALSE(valid({"DHnC", "DH2Q"}));
  EXPECT_FALSE(valid({"DH2C", "DHnQ"}));
  EXPECT_FALSE(valid({"DH2Q", "DH2C"}));
  EXPECT_FALSE(valid({"DH2Q", "DHnQ"}));
}

TEST(DurableContexts, ThatAreCutAreInvalid) {
  for (const std::string name : {"DHnQ", "DHnC", "DH2Q", "DH2C"}) {
    const byte_vector data(15);
    create_request r;
    r.contexts.push_back({name, data});
    EXPECT_FALSE(parse_durable_contexts(r).valid) << name;
  }
}

} // namespace
} // namespace leasebreak::smb
