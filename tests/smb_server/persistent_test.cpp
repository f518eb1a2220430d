// Persistent opens on the wire: after the server's process is killed, clients reconnect with their
// lease, locks and data (MS-SMB2 3.3.5.9.10, 3.3.5.9.12).
#include "raw_client.hpp"
#include "server_process.hpp"

#include <smb_server/wire/data.hpp>
#include <smb_server/wire/durable.hpp>
#include <smb_server/wire/negotiate.hpp>
#include <smb_server/wire/session.hpp>
#include <smb_server/wire/status.hpp>

#include <leasebreak/model/errors.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::context;
using testing::created;
using testing::raw_client;
using testing::server_process;

constexpr std::uint32_t persistent_flag = 2;
constexpr guid alice{1};
constexpr guid bob{2};
constexpr guid create_guid{0xc, 0x9};

context lease(std::uint32_t state, std::uint16_t epoch = 0) {
  return raw_client::lease_query(5, state, epoch);
}

context durable(std::uint32_t flags) {
  return raw_client::durable_query(create_guid, 60'000, flags);
}

context reconnect(
  const file_id& id, std::uint32_t flags = persistent_flag, const guid& by = create_guid) {
  byte_writer out;
  write_file_id(out, id);
  out.append(by);
  out.u32(flags);
  return {"DH2C", out.take()};
}

/// Returns the flags of the DH2Q response, or nothing.
std::optional<std::uint32_t> durable_flags(const answer& a) {
  const auto data = raw_client::context_of(a, "DH2Q");
  if (!data)
    return std::nullopt;
  byte_reader in{*data};
  in.skip(4);
  return in.u32();
}

std::unique_ptr<raw_client> connect(const server_process& server, const guid& who,
  dialect d = dialect::smb_3_0_2, const std::string& share = "share",
  const std::string& user = "user", const std::string& password = "pass") {
  auto c = std::make_unique<raw_client>(server.port());
  c->negotiate(d, who);
  EXPECT_EQ(c->log_on(user, password), status::success);
  EXPECT_EQ(c->connect_tree(share), status::success);
  return c;
}

std::uint32_t lock(raw_client& c, const file_id& id, std::uint64_t offset, std::uint64_t length,
  bool unlock = false) {
  const std::uint32_t flags =
    unlock ? lock_flag::unlock : lock_flag::exclusive | lock_flag::fail_immediately;
  return c.call(command::lock, raw_client::lock_body(id, {{offset, length, flags}})).head.status;
}

std::uint32_t write(raw_client& c, const file_id& id, std::uint64_t offset, std::string_view text) {
  byte_writer body;
  body.u16(49);
  body.u16(112);
  body.u32(static_cast<std::uint32_t>(text.size()));
  body.u64(offset);
  write_file_id(body, id);
  body.zeros(16);
  body.append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return c.call(command::write, body.view()).head.status;
}

std::uint32_t flush(raw_client& c, const file_id& id) {
  byte_writer body;
  body.u16(24);
  body.zeros(6);
  write_file_id(body, id);
  return c.call(command::flush, body.view()).head.status;
}

std::pair<std::uint32_t, std::string> read(raw_client& c, const file_id& id, std::uint64_t offset) {
  const answer a = c.call(command::read, raw_client::read_body(id, 100, offset));
  if (a.head.status != status::success)
    return {a.head.status, {}};
  byte_reader in = a.body();
  in.skip(2);
  const std::size_t at = in.u8();
  in.skip(1);
  const std::size_t length = in.u32();
  const auto data = slice(a.bytes, at, length).value();
  return {status::success, {data.begin(), data.end()}};
}

void acknowledge(raw_client& c, std::uint32_t state) {
  byte_writer body;
  body.u16(36);
  body.u16(0);
  body.u32(0);
  guid key;
  key.fill(5);
  body.append(key);
  body.u32(state);
  body.u64(0);
  EXPECT_EQ(c.call(command::oplock_break, body.view()).head.status, status::success);
}

/// Alice has a persistent open of "f" with RWH, a lock of the first ten bytes, and data behind the
/// lock.
created open_lock_and_write(raw_client& c) {
  const answer opened = c.call(command::create,
    raw_client::create_body_with("f", lease_level, {lease(7, 0x20), durable(persistent_flag)}));
  const created made = raw_client::read_created(opened);
  EXPECT_EQ(made.status, status::success);
  EXPECT_EQ(durable_flags(opened), persistent_flag);
  EXPECT_EQ(made.lease.value().state, 7U);
  EXPECT_EQ(lock(c, made.id, 0, 10), status::success);
  EXPECT_EQ(write(c, made.id, 20, "before the crash"), status::success);
  EXPECT_EQ(flush(c, made.id), status::success);
  return made;
}

TEST(PersistentOpens, AreOfferedWhereTheShareIsContinuouslyAvailable) {
  const server_process server;
  const auto share = connect(server, alice);
  const auto plain = connect(server, bob, dialect::smb_3_0_2, "plain");
  const auto old = connect(server, guid{3}, dialect::smb_2_1);

  EXPECT_EQ(share->share_capabilities, share_capability::continuous_availability);
  EXPECT_EQ(plain->share_capabilities, 0U);
  EXPECT_EQ(old->share_capabilities, 0U);

  EXPECT_EQ(durable_flags(share->call(
              command::create, raw_client::create_body_with("p", 0, {durable(persistent_flag)}))),
    persistent_flag)
    << "even without caching";
  EXPECT_EQ(
    durable_flags(plain->call(command::create,
      raw_client::create_body_with("p", lease_level, {lease(7), durable(persistent_flag)}))),
    0U)
    << "durable only";
  EXPECT_EQ(durable_flags(plain->call(
              command::create, raw_client::create_body_with("q", 0, {durable(persistent_flag)}))),
    std::nullopt);
  EXPECT_EQ(durable_flags(old->call(
              command::create, raw_client::create_body_with("q", 0, {durable(persistent_flag)}))),
    std::nullopt);
}

TEST(PersistentOpens, AreOfferedByTheNegotiation) {
  const server_process server;
  const auto capabilities = [&](dialect d) {
    raw_client c{server.port()};
    const answer a = c.negotiate(d);
    byte_reader in = a.body();
    in.skip(24);
    return in.u32() & capability::persistent_handles;
  };

  EXPECT_EQ(capabilities(dialect::smb_2_1), 0U);
  EXPECT_EQ(capabilities(dialect::smb_3_0), capability::persistent_handles);
  EXPECT_EQ(capabilities(dialect::smb_3_0_2), capability::persistent_handles);
}

TEST(PersistentOpens, SurviveTheServersDeathWithLeaseLocksAndData) {
  server_process server;
  auto first = connect(server, alice);
  const created before = open_lock_and_write(*first);

  server.kill();
  server.start();

  // MS-SMB2 3.3.5.9: a break of its Handle caching starts, and other opens wait for its client.
  const auto other = connect(server, bob);
  const std::uint64_t waiting = other->send(command::create, raw_client::create_body("f"));
  const auto interim = other->receive();
  ASSERT_TRUE(interim);
  EXPECT_EQ(interim->head.status, status::pending);

  const auto again = connect(server, alice);
  const answer back = again->call(command::create,
    raw_client::create_body_with("f", lease_level, {lease(7), reconnect(before.id)}));
  ASSERT_EQ(back.head.status, status::success);
  EXPECT_FALSE(durable_flags(back)) << "not requested";
  const created after = raw_client::read_created(back);
  EXPECT_EQ(after.id.persistent, before.id.persistent);
  ASSERT_TRUE(after.lease);
  EXPECT_EQ(after.lease->state, 7U);
  EXPECT_EQ(after.lease->epoch, before.lease->epoch + 1);
  EXPECT_EQ(after.lease->key, before.lease->key);

  // The lease is in force: other opens wait for its break.
  const auto broken = again->receive();
  ASSERT_TRUE(broken);
  EXPECT_EQ(broken->head.command, command::oplock_break);
  byte_reader notification = broken->body();
  notification.skip(2);
  EXPECT_EQ(notification.u16(), before.lease->epoch + 1);
  EXPECT_EQ(
    read(*again, after.id, 20), (std::pair{status::success, std::string{"before the crash"}}));
  acknowledge(*again, 3);
  const auto opened = other->receive_final();
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened->head.message_id, waiting);
  const created others = raw_client::read_created(*opened);
  ASSERT_EQ(others.status, status::success);

  // The lock is in force.
  EXPECT_EQ(lock(*other, others.id, 5, 1), to_ntstatus(errc::lock_not_granted));
  EXPECT_EQ(read(*other, others.id, 0).first, to_ntstatus(errc::file_lock_conflict));
  EXPECT_EQ(lock(*again, after.id, 0, 10, true), status::success);
  EXPECT_EQ(lock(*other, others.id, 5, 1), status::success);
  EXPECT_EQ(again->close(after.id), status::success);
}

TEST(PersistentOpens, AreNotifiedAgainOfABreakThatWasLostWithTheirConnection) {
  server_process server;
  auto first = connect(server, alice);
  const created before = raw_client::read_created(first->call(command::create,
    raw_client::create_body_with("f", lease_level, {lease(7, 0x20), durable(persistent_flag)})));
  ASSERT_EQ(before.status, status::success);
  const auto other = connect(server, bob);
  const std::uint64_t waiting = other->send(command::create, raw_client::create_body("f"));
  const auto lost = first->receive();
  ASSERT_TRUE(lost);
  ASSERT_EQ(lost->head.command, command::oplock_break);
  first.reset();

  const auto again = connect(server, alice);
  again->send(command::create,
    raw_client::create_body_with("f", lease_level, {lease(7), reconnect(before.id)}));

  const auto back = again->receive_final();
  ASSERT_TRUE(back);
  ASSERT_EQ(back->head.command, command::create) << "the response comes first";
  ASSERT_EQ(back->head.status, status::success);
  const auto told = again->receive();
  ASSERT_TRUE(told);
  ASSERT_EQ(told->head.command, command::oplock_break);
  EXPECT_EQ(told->bytes, lost->bytes);
  acknowledge(*again, 3);
  const auto opened = other->receive_final();
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened->head.message_id, waiting);
  EXPECT_EQ(opened->head.status, status::success);
}

TEST(PersistentOpens, SurviveWithoutCachingAndMoreThanOnce) {
  server_process server;
  auto client = connect(server, alice);
  const created before = raw_client::read_created(client->call(
    command::create, raw_client::create_body_with("p", 0, {durable(persistent_flag)})));
  ASSERT_EQ(before.status, status::success);
  file_id id = before.id;
  for (int i = 0; i < 3; ++i) {
    server.kill();
    server.start();
    client = connect(server, alice);
    const created after = raw_client::read_created(
      client->call(command::create, raw_client::create_body_with("p", 0, {reconnect(id)})));
    ASSERT_EQ(after.status, status::success);
    EXPECT_EQ(after.id.persistent, id.persistent);
    id = after.id;
    EXPECT_EQ(write(*client, id, static_cast<std::uint64_t>(i), "x"), status::success);
  }
  EXPECT_EQ(client->close(id), status::success);

  server.kill();
  server.start();
  client = connect(server, alice);
  EXPECT_EQ(client->call(command::create, raw_client::create_body_with("p", 0, {reconnect(id)}))
              .head.status,
    status::object_name_not_found)
    << "it was closed";
  EXPECT_EQ(connect(server, bob)->create("p").status, status::success);
}

TEST(Servers, StopInOrderWhenTheirTerminalIsClosed) {
  server_process server;

  EXPECT_EQ(server.stop(SIGHUP), 0);
}

TEST(PersistentOpens, SurviveAnOrderlyStopToo) {
  server_process server;
  const created before = open_lock_and_write(*connect(server, alice));

  EXPECT_EQ(server.stop(), 0);
  server.start();

  const auto again = connect(server, alice);
  const created after = raw_client::read_created(again->call(command::create,
    raw_client::create_body_with("f", lease_level, {lease(7), reconnect(before.id)})));
  EXPECT_EQ(after.status, status::success);
  EXPECT_EQ(after.lease.value().state, 7U);
}

TEST(PersistentOpens, CanBeReconnectedByTheirOwnersOnly) {
  server_process server;
  auto first = connect(server, alice);
  const created before = open_lock_and_write(*first);
  server.kill();
  server.start();

  const auto try_as = [&](raw_client& c, const std::vector<context>& contexts,
                        const std::string& name = "f") {
    return c.call(command::create, raw_client::create_body_with(name, lease_level, contexts))
      .head.status;
  };
  const auto mine = connect(server, alice);
  const auto stranger = connect(server, bob);
  const auto other_user = connect(server, alice, dialect::smb_3_0_2, "share", "other", "word");
  const auto elsewhere = connect(server, alice, dialect::smb_3_0_2, "plain");

  EXPECT_EQ(try_as(*mine, {lease(7), reconnect(before.id, 0)}), status::object_name_not_found)
    << "without the flag";
  EXPECT_EQ(try_as(*mine, {lease(7), reconnect(before.id, persistent_flag, guid{9})}),
    status::object_name_not_found);
  EXPECT_EQ(try_as(*mine, {reconnect(before.id)}), status::object_name_not_found)
    << "without the lease";
  EXPECT_EQ(try_as(*mine, {lease(7), reconnect(before.id)}, "g"), status::invalid_parameter);
  EXPECT_EQ(try_as(*stranger, {lease(7), reconnect(before.id)}), status::object_name_not_found);
  EXPECT_EQ(try_as(*other_user, {lease(7), reconnect(before.id)}), status::access_denied);
  EXPECT_EQ(try_as(*elsewhere, {lease(7), reconnect(before.id)}), status::object_name_not_found);

  EXPECT_EQ(try_as(*mine, {lease(7), reconnect(before.id)}), status::success);
}

constexpr std::uint8_t position_information = 14;

/// Opens with these contexts and the right to rename.
created open_to_rename(raw_client& c, const std::string& name, std::uint8_t oplock,
  const std::vector<context>& contexts) {
  byte_writer body{raw_client::create_body_with(name, oplock, contexts)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  const created made = raw_client::read_created(c.call(command::create, body.view()));
  EXPECT_EQ(made.status, status::success);
  return made;
}

std::uint32_t rename(raw_client& c, const file_id& id, const std::string& to) {
  return c.call(command::set_info, raw_client::rename_body(id, to)).head.status;
}

std::uint32_t come_back(raw_client& c, const std::string& name, const file_id& id) {
  return c
    .call(
      command::create, raw_client::create_body_with(name, lease_level, {lease(7), reconnect(id)}))
    .head.status;
}

// A lease follows the rename of its file.
TEST(PersistentOpens, WhoseFileWasRenamedAreReconnectedByItsNewName) {
  server_process server;
  auto first = connect(server, alice);
  const created before =
    open_to_rename(*first, "f", lease_level, {lease(7), durable(persistent_flag)});
  ASSERT_EQ(rename(*first, before.id, "g"), status::success);
  server.kill();
  server.start();

  const auto again = connect(server, alice);
  EXPECT_EQ(come_back(*again, "f", before.id), status::invalid_parameter);
  EXPECT_EQ(come_back(*again, "g", before.id), status::success);
}

TEST(PersistentOpens, WhoseFileAnotherClientRenamedAreReconnected) {
  server_process server;
  std::filesystem::create_directory(server.share() / "d");
  auto first = connect(server, alice);
  const created before = raw_client::read_created(
    first->call(command::create, raw_client::create_body_with("p", 0, {durable(persistent_flag)})));
  ASSERT_EQ(before.status, status::success);
  auto other = connect(server, bob);
  const created others = open_to_rename(*other, "p", 0, {});
  ASSERT_EQ(rename(*other, others.id, "q"), status::success);
  ASSERT_EQ(rename(*other, others.id, "d\\r"), status::success);
  std::ofstream{server.share() / "p"} << "another";
  server.kill();
  server.start();

  const auto again = connect(server, alice);
  const created after = raw_client::read_created(
    again->call(command::create, raw_client::create_body_with("p", 0, {reconnect(before.id)})));
  ASSERT_EQ(after.status, status::success);
  EXPECT_EQ(write(*again, after.id, 0, "here"), status::success);
  std::string text;
  std::getline(std::ifstream{server.share() / "d" / "r"}, text);
  EXPECT_EQ(text, "here");
}

// Simulates a crash between the record of the rename and the rename.
TEST(PersistentOpens, WhoseFileWasOnlyAboutToBeRenamedAreReconnected) {
  server_process server;
  auto first = connect(server, alice);
  const created before =
    open_to_rename(*first, "f", lease_level, {lease(7), durable(persistent_flag)});
  ASSERT_EQ(rename(*first, before.id, "g"), status::success);
  server.kill();
  std::filesystem::rename(server.share() / "g", server.share() / "f");
  server.start();

  const auto again = connect(server, alice);
  EXPECT_EQ(come_back(*again, "f", before.id), status::success);
}

std::uint64_t position_of(raw_client& c, const file_id& id) {
  byte_writer body;
  body.u16(41);
  body.u8(1);
  body.u8(position_information);
  body.u32(8);
  body.zeros(16);
  write_file_id(body, id);
  body.u8(0);
  const answer a = c.call(command::query_info, body.view());
  EXPECT_EQ(a.head.status, status::success);
  byte_reader in = a.body();
  in.skip(8);
  return in.u64();
}

TEST(PersistentOpens, HaveThePositionThatTheirClientSet) {
  server_process server;
  auto first = connect(server, alice);
  const created before = open_lock_and_write(*first);
  byte_writer position;
  position.u64(4'711);
  ASSERT_EQ(first
              ->call(command::set_info,
                raw_client::set_info_body(before.id, position_information, position.view()))
              .head.status,
    status::success);
  server.kill();
  server.start();

  const auto again = connect(server, alice);
  const created after = raw_client::read_created(again->call(command::create,
    raw_client::create_body_with("f", lease_level, {lease(7), reconnect(before.id)})));
  ASSERT_EQ(after.status, status::success);
  EXPECT_EQ(position_of(*again, after.id), 4'711U);

  // Changes of the position by reads and writes are stored when the connection ends.
  EXPECT_EQ(read(*again, after.id, 20).first, status::success);
  EXPECT_EQ(server.stop(), 0);
  server.start();
  const auto third = connect(server, alice);
  const created last = raw_client::read_created(third->call(command::create,
    raw_client::create_body_with("f", lease_level, {lease(7), reconnect(before.id)})));
  ASSERT_EQ(last.status, status::success);
  EXPECT_EQ(position_of(*third, last.id), 20 + std::string_view{"before the crash"}.size());
}

// MS-SMB2 3.3.5.9.13 after a restart.
TEST(PersistentOpens, EndIfTheirApplicationMoves) {
  server_process server;
  const auto first = connect(server, alice);
  const created before = raw_client::read_created(first->call(command::create,
    raw_client::create_body_with("f", 0, {durable(persistent_flag), raw_client::application(7)})));
  ASSERT_EQ(before.status, status::success);
  server.kill();
  server.start();
  const auto other = connect(server, bob);
  const auto open_as = [&](std::uint8_t application) {
    return other
      ->call(command::create,
        raw_client::create_body_with(
          "f", 0, {durable(persistent_flag), raw_client::application(application)}))
      .head.status;
  };

  EXPECT_EQ(open_as(8), status::file_not_available) << "another application";
  EXPECT_EQ(open_as(7), status::success);
  EXPECT_EQ(come_back(*connect(server, alice), "f", before.id), status::object_name_not_found);
}

// Their clients cannot reconnect, thus they block no other client, on any share.
TEST(OrdinaryOpens, FromBeforeACrashBlockNoClient) {
  for (const std::string share : {"plain", "share"}) {
    SCOPED_TRACE(share);
    server_process server;
    const auto first = connect(server, alice, dialect::smb_3_0_2, share);
    const created before = raw_client::read_created(
      first->call(command::create, raw_client::create_body_with("f", lease_level, {lease(7)})));
    ASSERT_EQ(before.status, status::success);
    ASSERT_EQ(before.lease.value().state, rwh);
    ASSERT_EQ(lock(*first, before.id, 0, 10), status::success);
    server.kill();
    server.start();

    const auto other = connect(server, bob, dialect::smb_3_0_2, share);
    const created now = raw_client::read_created(
      other->call(command::create, raw_client::create_body_with("f", lease_level, {lease(7)})));

    ASSERT_EQ(now.status, status::success);
    EXPECT_EQ(now.lease.value().state, rwh);
    EXPECT_EQ(lock(*other, now.id, 0, 10), status::success);
    EXPECT_EQ(write(*other, now.id, 0, "data"), status::success);
  }
}

// An open whose name belongs to another file cannot be reconnected, and blocks no other client.
TEST(PersistentOpens, WhoseFileIsGoneEnd) {
  server_process server;
  auto first = connect(server, alice);
  const created before = open_lock_and_write(*first);
  server.kill();
  std::filesystem::remove(server.share() / "f");
  std::ofstream{server.share() / "f"} << "another";
  server.start();

  const auto again = connect(server, alice);
  EXPECT_EQ(again
              ->call(command::create,
                raw_client::create_body_with("f", lease_level, {lease(7), reconnect(before.id)}))
              .head.status,
    status::object_name_not_found);
  EXPECT_EQ(connect(server, bob)->create("f").status, status::success);
}

/// A persistent CREATE with this disposition and a CreateGuid of its own.
byte_vector create_of_kind(disposition how) {
  const guid by{static_cast<std::uint8_t>(0x40 + static_cast<int>(how))};
  byte_writer body{
    raw_client::create_body_with("f" + std::to_string(static_cast<int>(how)), lease_level,
      {raw_client::lease_query(static_cast<std::uint8_t>(1 + static_cast<int>(how)), rwh),
        raw_client::durable_query(by, 60'000, persistent_flag)})};
  body.patch_u32(36, static_cast<std::uint32_t>(how)); // CreateDisposition
  return body.take();
}

// MS-SMB2 3.3.5.9.10: also after a first and a second restart, a replay gets the response that the
// client has not seen.
TEST(PersistentOpens, GetTheFirstResponseAgainWhenTheirCreateIsReplayed) {
  const std::vector<std::pair<disposition, std::uint32_t>> kinds{{disposition::create, 2},
    {disposition::open, 1}, {disposition::overwrite_if, 3}, {disposition::supersede, 0}};
  server_process server;
  for (const auto& [how, action] : kinds)
    if (how != disposition::create)
      std::ofstream{server.share() / ("f" + std::to_string(static_cast<int>(how)))} << "text";
  auto first = connect(server, alice);
  for (const auto& [how, action] : kinds) {
    const created made =
      raw_client::read_created(first->call(command::create, create_of_kind(how)));
    ASSERT_EQ(made.status, status::success) << static_cast<int>(how);
    EXPECT_EQ(made.action, action);
  }

  for (const bool is_second : {false, true}) {
    SCOPED_TRACE(is_second);
    server.kill();
    server.start();
    const auto again = connect(server, alice);
    for (const auto& [how, action] : kinds) {
      const answer back = again->call(command::create, create_of_kind(how), header_flag::replay);
      ASSERT_EQ(back.head.status, status::success) << static_cast<int>(how);
      EXPECT_EQ(raw_client::read_created(back).action, action) << static_cast<int>(how);
      EXPECT_EQ(durable_flags(back), persistent_flag);
    }
  }
}

} // namespace
} // namespace leasebreak::smb
