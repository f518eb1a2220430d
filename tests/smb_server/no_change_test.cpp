// Requests that change nothing break nothing.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/commands/copy.hpp>
#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <array>
#include <filesystem>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

lease_context lease_of(std::uint8_t key, std::uint8_t version = 1) {
  lease_context l;
  l.key.fill(key);
  l.state = rh;
  l.version = version;
  return l;
}

/// A client with RH leases of a directory and of a file in it, and another client that has the file
/// open with all rights.
class RequestsThatChangeNothing : public ::testing::Test {
protected:
  RequestsThatChangeNothing() {
    std::filesystem::create_directory(server.directory() / "d");
    for (const auto& [client, number] : {std::pair{&holder, 1}, std::pair{&actor, 2}}) {
      client->negotiate(dialect::smb_3_0_2, {static_cast<std::uint8_t>(number)});
      client->log_on();
      client->connect_tree();
    }
    byte_writer body{raw_client::create_body("d\\f")};
    body.patch_u32(24, 0x001f'01ff); // DesiredAccess
    file = raw_client::read_created(actor.call(command::create, body.view())).id;
    EXPECT_EQ(holder.create("d\\f", lease_level, lease_of(1)).lease.value().state, rh);
    const answer directory = holder.call(command::create,
      raw_client::create_body(
        "d", lease_level, lease_of(2, 2), disposition::open, directory_option));
    EXPECT_EQ(raw_client::read_created(directory).lease.value().state, rh);
  }

  std::uint32_t set(file_class c, bytes_view data) {
    return actor
      .call(command::set_info, raw_client::set_info_body(file, static_cast<std::uint8_t>(c), data))
      .head.status;
  }

  /// FILE_BASIC_INFORMATION with these creation, access, write and change times.
  static byte_vector basic(
    const std::array<std::uint64_t, 4>& times, std::uint32_t attributes = 0) {
    byte_writer out;
    for (const std::uint64_t time : times)
      out.u64(time);
    out.u32(attributes);
    out.u32(0);
    return out.take();
  }

  byte_vector basic_of_file() {
    byte_writer body;
    body.u16(41);
    body.u8(1);
    body.u8(static_cast<std::uint8_t>(file_class::basic));
    body.u32(40);
    body.zeros(16);
    write_file_id(body, file);
    const answer a = actor.call(command::query_info, body.view());
    const auto data = slice(bytes_view{a.bytes}, 72, 40);
    return {data->begin(), data->end()};
  }

  /// FILE_LINK_INFORMATION.
  static byte_vector link(const std::string& to, bool replaces) {
    byte_vector body = raw_client::rename_body({}, to);
    body.erase(body.begin(), body.begin() + 32);
    body.front() = replaces ? 1 : 0;
    return body;
  }

  /// Waits until the holder is told of a break. It may be sent after the response to the actor.
  bool is_told_of_break() {
    const auto next = holder.receive();
    return next && next->head.command == command::oplock_break;
  }

  /// Returns whether the holder is told of a break before it has the response to a request that is
  /// sent after the actor's next one was answered.
  bool has_broken() {
    actor.call(command::echo, empty_body);
    holder.send(command::echo, empty_body);
    const auto next = holder.receive();
    return !next || next->head.command != command::echo;
  }

  test_server server;
  raw_client holder{server.port()};
  raw_client actor{server.port()};
  file_id file;
};

// MS-FSA 2.1.5.15.2: zero, -1 and -2 leave the times as they are.
TEST_F(RequestsThatChangeNothing, OfTimesAndAttributesBreakNothing) {
  EXPECT_EQ(set(file_class::basic, basic({0, 0, 0, 0})), status::success);
  EXPECT_EQ(set(file_class::basic, basic({UINT64_MAX, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX})),
    status::success);

  EXPECT_FALSE(has_broken());

  EXPECT_EQ(set(file_class::basic, basic({0, 0, 130'000'000'000'000'000, 0})), status::success);
  EXPECT_TRUE(is_told_of_break());
}

TEST_F(RequestsThatChangeNothing, OfWhatIsSetAlreadyBreakNothing) {
  byte_vector now = basic_of_file();
  std::fill(now.begin() + 24, now.begin() + 32, 0); // ChangeTime

  EXPECT_EQ(set(file_class::basic, now), status::success);
  EXPECT_FALSE(has_broken());

  constexpr std::uint8_t hidden = 2;
  now[32] = hidden;
  EXPECT_EQ(set(file_class::basic, now), status::success);
  EXPECT_TRUE(is_told_of_break());
}

TEST_F(RequestsThatChangeNothing, AsALinkOntoANameOfTheFileBreakNothing) {
  std::filesystem::create_hard_link(
    server.directory() / "d" / "f", server.directory() / "d" / "other");

  EXPECT_EQ(set(file_class::link, link("d\\f", true)), status::success);
  EXPECT_EQ(set(file_class::link, link("d\\other", true)), status::success);
  EXPECT_EQ(set(file_class::link, link("d\\f", false)), status::object_name_collision);
  EXPECT_FALSE(has_broken());

  actor.send(command::set_info,
    raw_client::set_info_body(
      file, static_cast<std::uint8_t>(file_class::link), link("d\\new", true)));
  EXPECT_TRUE(is_told_of_break());
}

TEST_F(RequestsThatChangeNothing, AsARenameOfAStreamToItsOwnNameBreakNothing) {
  byte_writer body{raw_client::create_body("d\\f:stream")};
  body.patch_u32(24, 0x001f'01ff); // DesiredAccess
  const file_id stream = raw_client::read_created(actor.call(command::create, body.view())).id;
  EXPECT_TRUE(is_told_of_break()); // the directory's lease: the stream is new
  while (has_broken()) {
  }
  ASSERT_EQ(holder.create("d\\f:stream", lease_level, lease_of(3)).lease.value().state, rh);

  for (const std::string name : {":stream", ":STREAM:$DATA"})
    EXPECT_EQ(actor.call(command::set_info, raw_client::rename_body(stream, name)).head.status,
      status::success);

  EXPECT_FALSE(has_broken());
}

TEST_F(RequestsThatChangeNothing, AsACopyOfNoChunksBreakNothing) {
  byte_writer input;
  write_file_id(input, file);
  input.zeros(16);

  const answer a = actor.call(
    command::ioctl, raw_client::ioctl_body(commands::fsctl_copy_chunk, input.view(), 12, file));

  EXPECT_EQ(a.head.status, status::success);
  EXPECT_EQ(raw_client::ioctl_output(a), byte_vector(12));
  EXPECT_FALSE(has_broken());
}

TEST_F(RequestsThatChangeNothing, AsAnEmptyListOfExtendedAttributesBreakNothing) {
  EXPECT_EQ(set(file_class::full_ea, {}), status::success);

  EXPECT_FALSE(has_broken());
}

} // namespace
} // namespace leasebreak::smb
