// The order of break notifications and responses: a client hears of no break of a grant before the
// grant.
#include "held_disk.hpp"
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/create.hpp>
#include <smb_server/wire/data.hpp>
#include <smb_server/wire/extended_attributes.hpp>
#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/query.hpp>
#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::held_disk;
using testing::raw_client;
using testing::test_server;

constexpr std::uint32_t share_read = 1;

/// A CREATE of `f` for reading that shares reading only.
byte_vector reader_body(std::uint8_t oplock = 0, const std::optional<lease_context>& lease = {}) {
  byte_writer body{raw_client::create_body("f", oplock, lease)};
  body.patch_u32(24, 0x0012'0089); // DesiredAccess
  body.patch_u32(32, share_read);
  return body.take();
}

/// Sends both requests in one frame. The second one is related to the first, and reads.
void send_compound(raw_client& client, command c, bytes_view body, bytes_view read) {
  byte_vector first = client.make_message(c, body);
  first.resize((first.size() + 7) / 8 * 8);
  byte_writer frame{std::move(first)};
  frame.patch_u32(20, static_cast<std::uint32_t>(frame.size())); // NextCommand
  frame.append(client.make_message(command::read, read, header_flag::related));
  client.send_frame(frame.view());
}

// Another open breaks the lease that the CREATE was granted, while the CREATE's response still
// waits for a READ of the same compound.
TEST(AnswersOnTheWire, OfACompoundPrecedeTheBreakOfItsGrant) {
  for (const int version : {1, 2}) {
    SCOPED_TRACE(version);
    test_server server;
    raw_client keeper{server.port()};
    keeper.set_up({1});
    keeper.close(keeper.create("f").id);
    // Lets the server open the file without the disk.
    ASSERT_EQ(keeper.call(command::create, reader_body()).head.status, status::success);
    raw_client holder{server.port()};
    holder.negotiate(version == 1 ? dialect::smb_2_1 : dialect::smb_3_0, {2});
    holder.log_on();
    holder.connect_tree();
    raw_client contender{server.port()};
    contender.set_up({3});
    lease_context lease;
    lease.version = static_cast<decltype(lease.version)>(version);
    lease.key.fill(7);
    lease.state = 0x3;
    held_disk disk{server};

    send_compound(holder, command::create, reader_body(lease_level, lease),
      raw_client::read_body(related_file_id, 10));
    disk.await_operation(); // the READ
    contender.send(command::create, raw_client::create_body("f"));
    const auto pending = contender.receive(); // the holder must acknowledge
    ASSERT_TRUE(pending);
    ASSERT_EQ(pending->head.status, status::pending);
    disk.release();

    const auto answers = holder.receive_compound(2);
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].head.command, command::create);
    EXPECT_EQ(answers[0].head.status, status::success);
    EXPECT_EQ(answers[1].head.command, command::read);
    const auto told = holder.receive_final();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->head.command, command::oplock_break);
  }
}

// -- a client's own changes in directories that it caches -----------------------------------

constexpr std::uint8_t key_of_a = 0xa;
constexpr std::uint8_t key_of_b = 0xb;

lease_context directory_lease(std::uint8_t key) {
  lease_context lease;
  lease.version = 2;
  lease.key.fill(key);
  lease.state = rh;
  return lease;
}

byte_vector open_for_all(const std::string& name, std::uint32_t options = 0,
  const std::optional<lease_context>& lease = {}, disposition how = disposition::open_if) {
  byte_writer body{
    raw_client::create_body(name, lease ? lease_level : std::uint8_t{0}, lease, how, options)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  return body.take();
}

/// Returns the lease key of a break notification; nothing for other messages.
std::optional<std::uint8_t> key_of_break(const std::optional<answer>& a) {
  if (!a || a->head.command != command::oplock_break || a->head.message_id != UINT64_MAX)
    return std::nullopt;
  byte_reader in = a->body();
  in.skip(8);
  return in.u8();
}

TEST(RefusedCreates, BreakTheLeasesOfThoseWhoMayHaveSeenTheName) {
  server_options limited;
  limited.settings = {"limit.opens_per_client=1"};
  test_server server{limited};
  raw_client alice{server.port()};
  alice.negotiate(dialect::smb_3_0_2, {1});
  alice.log_on();
  alice.connect_tree();
  const auto directory = open_for_all("a", directory_option, directory_lease(key_of_a));
  ASSERT_EQ(alice.call(command::create, directory).head.status, status::success);
  raw_client bob{server.port()};
  bob.set_up({2});
  ASSERT_EQ(bob.call(command::create, open_for_all("x")).head.status, status::success);

  // The coordinator refuses the open when the directory has been made.
  const auto refused = bob.call(command::create, open_for_all("a\\new", directory_option));
  EXPECT_NE(refused.head.status, status::success);
  EXPECT_FALSE(std::filesystem::exists(server.directory() / "a/new"));
  EXPECT_EQ(key_of_break(alice.receive()), key_of_a);
}

/// Alice has leases on the directories "a" and "b", and changes them without a ParentLeaseKey.
class OwnDirectories : public ::testing::Test {
protected:
  OwnDirectories() {
    alice.negotiate(dialect::smb_3_0_2, {1});
    alice.log_on();
    alice.connect_tree();
    for (const auto& [name, key] : {std::pair{"a", key_of_a}, std::pair{"b", key_of_b}})
      EXPECT_EQ(
        alice.call(command::create, directory_body(name, key)).head.status, status::success);
  }

  static byte_vector directory_body(const std::string& name, std::uint8_t key) {
    byte_writer body{raw_client::create_body(
      name, lease_level, directory_lease(key), disposition::open_if, directory_option)};
    body.patch_u32(24, 0x0012'0089); // DesiredAccess, for reading
    return body.take();
  }

  /// The next messages must be breaks of these leases, in any order. `keys` must be sorted.
  static void expect_breaks(raw_client& c, const std::vector<std::uint8_t>& keys) {
    std::vector<std::optional<std::uint8_t>> told;
    for (std::size_t i = 0; i < keys.size(); ++i)
      told.push_back(key_of_break(c.receive()));
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, (std::vector<std::optional<std::uint8_t>>{keys.begin(), keys.end()}));
  }

  /// The response must come first, followed by the breaks of these leases.
  static void expect_behind(
    raw_client& c, command what, bytes_view body, const std::vector<std::uint8_t>& keys) {
    c.send(what, body);
    const auto response = c.receive_final();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->head.command, what);
    EXPECT_EQ(response->head.status, status::success);
    expect_breaks(c, keys);
    expect_nothing(c);
  }

  /// No notification must have come.
  static void expect_nothing(raw_client& c) {
    c.send(command::echo, empty_body);
    const auto next = c.receive();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->head.command, command::echo);
  }

  /// Acknowledges the break, and upgrades the lease to RH again.
  void take_again(const std::string& name, std::uint8_t key) {
    byte_writer body;
    body.u16(36);
    body.zeros(6);
    guid bytes;
    bytes.fill(key);
    body.append(bytes);
    body.u32(0);
    body.u64(0);
    EXPECT_EQ(alice.call(command::oplock_break, body.view()).head.status, status::success);
    const answer again = alice.call(command::create, directory_body(name, key));
    EXPECT_EQ(raw_client::read_created(again).lease.value().state, rh);
  }

  /// Creates a file, and handles the break of the lease of "a" that this causes.
  file_id make(const std::string& name, std::uint32_t options = 0) {
    alice.send(command::create, open_for_all(name, options));
    const auto made = alice.receive_final();
    EXPECT_TRUE(made);
    EXPECT_EQ(key_of_break(alice.receive()), key_of_a) << "also after the response";
    take_again("a", key_of_a);
    return raw_client::read_created(*made).id;
  }

  test_server server;
  raw_client alice{server.port()};
};

TEST_F(OwnDirectories, HearOfANewNameBehindTheResponse) {
  expect_behind(alice, command::create, open_for_all("a\\f"), {key_of_a});
}

// smb2.dirlease.rename.
TEST_F(OwnDirectories, HearOfARenameBehindTheResponse) {
  const file_id f = make("a\\f");

  expect_behind(alice, command::set_info, raw_client::rename_body(f, "b\\g"), {key_of_a, key_of_b});
}

TEST_F(OwnDirectories, HearOfALinkBehindTheResponse) {
  const file_id f = make("a\\f");
  const byte_vector name = utf8_to_utf16("b\\g");
  byte_writer link;
  link.zeros(16);
  link.u32(static_cast<std::uint32_t>(name.size()));
  link.append(name);

  expect_behind(alice, command::set_info,
    raw_client::set_info_body(f, static_cast<std::uint8_t>(file_class::link), link.view()),
    {key_of_b});
}

TEST_F(OwnDirectories, HearOfASizeOrATimeBehindTheResponse) {
  const file_id f = make("a\\f");
  byte_writer size;
  size.u64(100);
  byte_writer times;
  times.zeros(16);
  times.u64(132'000'000'000'000'000); // LastWriteTime
  times.zeros(16);

  expect_behind(alice, command::set_info,
    raw_client::set_info_body(f, static_cast<std::uint8_t>(file_class::end_of_file), size.view()),
    {key_of_a});
  take_again("a", key_of_a);
  expect_behind(alice, command::set_info,
    raw_client::set_info_body(f, static_cast<std::uint8_t>(file_class::basic), times.view()),
    {key_of_a});
}

TEST_F(OwnDirectories, HearOfExtendedAttributesAndSecurityBehindTheWholeCompound) {
  make("a\\f");
  byte_writer open{raw_client::create_body("a\\f")};
  open.patch_u32(24, 0x0016'019f); // DesiredAccess, with WRITE_DAC
  const file_id f = raw_client::read_created(alice.call(command::create, open.view())).id;
  std::size_t count = 0;
  const byte_vector attributes = raw_client::set_info_body(
    f, static_cast<std::uint8_t>(file_class::full_ea), encode_eas({{"name", {1}}}, 100, count));
  byte_vector security = raw_client::set_info_body(f, 0, open_security_descriptor());
  security[2] = static_cast<std::uint8_t>(info_type::security);

  for (const byte_vector& sets : {attributes, security}) {
    send_compound(alice, command::set_info, sets, raw_client::read_body(f, 10));
    const auto answers = alice.receive_compound(2);
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].head.command, command::set_info);
    EXPECT_EQ(answers[0].head.status, status::success);
    EXPECT_EQ(answers[1].head.command, command::read);
    EXPECT_EQ(key_of_break(alice.receive()), key_of_a);
    take_again("a", key_of_a);
  }
}

TEST_F(OwnDirectories, HearOfADeletionBehindTheResponseToTheClose) {
  const file_id f = make("a\\f");
  byte_writer deletes;
  deletes.u8(1);
  expect_behind(alice, command::set_info,
    raw_client::set_info_body(
      f, static_cast<std::uint8_t>(file_class::disposition), deletes.view()),
    {});

  expect_behind(alice, command::close, raw_client::close_body(f), {key_of_a});
  EXPECT_FALSE(std::filesystem::exists(server.directory() / "a" / "f"));
}

TEST_F(OwnDirectories, HearOfAWriteBehindTheResponseToTheClose) {
  const file_id f = make("a\\f");
  expect_behind(alice, command::write, raw_client::write_body(f, "text"), {});

  expect_behind(alice, command::close, raw_client::close_body(f), {key_of_a});
}

TEST_F(OwnDirectories, HearOfDeletionsByALogoffBehindTheResponse) {
  raw_client beside{server.port()};
  beside.negotiate(dialect::smb_3_0_2, {1});
  beside.log_on();
  beside.connect_tree();
  constexpr std::uint32_t delete_on_close = 0x1000;
  ASSERT_EQ(beside.call(command::create, open_for_all("a\\f", delete_on_close)).head.status,
    status::success);
  EXPECT_EQ(key_of_break(alice.receive()), key_of_a);
  take_again("a", key_of_a);

  EXPECT_EQ(beside.call(command::logoff, empty_body).head.status, status::success);

  EXPECT_EQ(key_of_break(alice.receive()), key_of_a);
}

// All connections with one ClientGuid are the same client.
TEST_F(OwnDirectories, HearOfChangesOnAnotherConnectionBehindItsResponse) {
  raw_client beside{server.port()};
  beside.negotiate(dialect::smb_3_0_2, {1});
  beside.log_on();
  beside.connect_tree();
  const answer opened = beside.call(command::create, open_for_all("a\\f"));
  EXPECT_EQ(key_of_break(alice.receive()), key_of_a);
  take_again("a", key_of_a);
  const file_id f = raw_client::read_created(opened).id;
  byte_writer deletes;
  deletes.u8(1);
  ASSERT_EQ(beside
              .call(command::set_info,
                raw_client::set_info_body(
                  f, static_cast<std::uint8_t>(file_class::disposition), deletes.view()))
              .head.status,
    status::success);
  expect_nothing(alice);

  EXPECT_EQ(beside.call(command::close, raw_client::close_body(f)).head.status, status::success);

  EXPECT_EQ(key_of_break(alice.receive()), key_of_a);
}

TEST_F(OwnDirectories, HearOfARenameBehindTheWholeCompound) {
  const file_id f = make("a\\f");
  ASSERT_EQ(
    alice.call(command::write, raw_client::write_body(f, "text")).head.status, status::success);

  send_compound(
    alice, command::set_info, raw_client::rename_body(f, "b\\g"), raw_client::read_body(f, 10));

  const auto answers = alice.receive_compound(2);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].head.command, command::set_info);
  EXPECT_EQ(answers[0].head.status, status::success);
  EXPECT_EQ(answers[1].head.command, command::read);
  expect_breaks(alice, {key_of_a, key_of_b});
}

// Other clients are notified at once.
TEST_F(OwnDirectories, HearBehindAResponseThatIsSentBeforeItsCompoundIsDone) {
  const file_id f = make("a\\f");
  raw_client bob{server.port()};
  bob.negotiate(dialect::smb_3_0_2, {2});
  bob.log_on();
  bob.connect_tree();
  constexpr std::uint8_t key_of_bob = 0xc;
  ASSERT_EQ(
    bob.call(command::create, directory_body("a", key_of_bob)).head.status, status::success);
  const file_id locked = raw_client::read_created(bob.call(command::create, open_for_all("l"))).id;
  const auto lock = [&](raw_client& c, const file_id& id, std::uint32_t flags) {
    return c.send(command::lock, raw_client::lock_body(id, {{0, 1, flags}}));
  };
  lock(bob, locked, lock_flag::exclusive | lock_flag::fail_immediately);
  ASSERT_EQ(bob.await_answer().head.status, status::success);
  alice.send(command::create, open_for_all("l"));
  const auto opened = alice.receive_final();
  ASSERT_TRUE(opened);
  const file_id waited_for = raw_client::read_created(*opened).id;

  // The response to the rename is sent when the LOCK begins to wait for Bob.
  byte_writer frame{alice.make_message(command::set_info, raw_client::rename_body(f, "a\\g"))};
  frame.align(8);
  frame.patch_u32(20, static_cast<std::uint32_t>(frame.size())); // NextCommand
  frame.append(alice.make_message(
    command::lock, raw_client::lock_body(waited_for, {{0, 1, lock_flag::exclusive}})));
  alice.send_frame(frame.view());

  EXPECT_EQ(key_of_break(bob.receive()), key_of_bob);
  const auto renamed = alice.receive();
  ASSERT_TRUE(renamed);
  EXPECT_EQ(renamed->head.command, command::set_info);
  EXPECT_EQ(renamed->head.status, status::success);
  EXPECT_EQ(key_of_break(alice.receive_final()), key_of_a);
}

// A break for which the operation itself waits is not deferred behind its response
// (smb2.dirlease.rename_dst_parent).
TEST_F(OwnDirectories, HearAtOnceOfABreakThatTheRenameWaitsFor) {
  const file_id f = make("a\\f");
  constexpr std::uint8_t key_of_c = 0xc;
  alice.send(command::create, open_for_all("c", directory_option, directory_lease(key_of_c)));
  const auto c = alice.receive_final();
  ASSERT_TRUE(c);
  ASSERT_EQ(c->head.status, status::success);

  alice.send(command::set_info, raw_client::rename_body(f, "c\\g"));

  EXPECT_EQ(key_of_break(alice.receive()), key_of_c);
  EXPECT_EQ(
    alice.call(command::close, raw_client::close_body(raw_client::read_created(*c).id)).head.status,
    status::success);
}

} // namespace
} // namespace leasebreak::smb
