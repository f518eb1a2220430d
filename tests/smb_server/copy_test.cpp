// Server-side copies (MS-SMB2 3.3.5.15.5, 3.3.5.15.6).
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/commands/copy.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace leasebreak::smb {
namespace {

using commands::fsctl_copy_chunk;
using commands::fsctl_copy_chunk_write;
using commands::fsctl_request_resume_key;
using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

struct chunk {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint32_t length = 0;
};

class Copies : public ::testing::Test {
protected:
  Copies() {
    client.set_up({1});
    std::ofstream(server.directory() / "from") << "hello world";
    source = client.create("from").id;
    target = client.create("to").id;
  }

  byte_vector key_of(const file_id& id, std::uint32_t output_max = 32) {
    const answer a = client.call(
      command::ioctl, raw_client::ioctl_body(fsctl_request_resume_key, {}, output_max, id));
    byte_vector key = raw_client::ioctl_output(a);
    key.resize(24);
    status = a.head.status;
    return key;
  }

  /// Returns the numbers of the response: chunks, bytes of a chunk, total bytes.
  std::array<std::uint32_t, 3> copy(const std::vector<chunk>& chunks, const byte_vector& key,
    std::uint32_t code = fsctl_copy_chunk, std::uint32_t output_max = 12) {
    byte_writer input;
    input.append(key);
    input.u32(static_cast<std::uint32_t>(chunks.size()));
    input.u32(0);
    for (const chunk& c : chunks) {
      input.u64(c.from);
      input.u64(c.to);
      input.u32(c.length);
      input.u32(0);
    }
    const answer a =
      client.call(command::ioctl, raw_client::ioctl_body(code, input.view(), output_max, target));
    status = a.head.status;
    const byte_vector output = raw_client::ioctl_output(a);
    byte_reader in{output};
    const std::uint32_t count = in.u32();
    const std::uint32_t bytes = in.u32();
    return {count, bytes, in.u32()};
  }

  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream in{server.directory() / name, std::ios::binary};
    return {std::istreambuf_iterator<char>(in), {}};
  }

  test_server server;
  raw_client client{server.port()};
  file_id source;
  file_id target;
  std::uint32_t status = 0;
};

using numbers = std::array<std::uint32_t, 3>;
constexpr numbers limits{256, 1 << 20, 16 << 20};

TEST_F(Copies, CopyTheRequestedChunks) {
  EXPECT_EQ(copy({{6, 0, 5}, {0, 5, 5}}, key_of(source)), (numbers{2, 0, 10}));

  EXPECT_EQ(status, status::success);
  EXPECT_EQ(content("to"), "worldhello");
}

TEST_F(Copies, BeyondTheEndOfTheSourceAreRefused) {
  copy({{6, 0, 6}}, key_of(source));

  EXPECT_EQ(status, 0xC000001FU); // STATUS_INVALID_VIEW_SIZE
  EXPECT_EQ(content("to"), "");
}

// MS-SMB2 3.3.5.15.6.1.
TEST_F(Copies, ThatFailSayHowMuchTheyHaveWritten) {
  EXPECT_EQ(
    copy({{0, 0, 5}, {5, 5, 3}, {6, 8, 6}, {0, 20, 1}}, key_of(source)), (numbers{2, 0, 8}));

  EXPECT_EQ(status, 0xC000001FU); // STATUS_INVALID_VIEW_SIZE
  EXPECT_EQ(content("to"), "hello wo");
}

// With this status, a client takes the numbers for the limits.
TEST_F(Copies, OfChunksThatCannotBeReturnTheLimits) {
  EXPECT_EQ(copy({{0, INT64_MAX, 5}}, key_of(source)), limits);

  EXPECT_EQ(status, status::invalid_parameter);
}

TEST_F(Copies, AboveTheLimitsReturnTheLimits) {
  const byte_vector key = key_of(source);
  const std::vector<std::vector<chunk>> all{{{0, 0, 0}}, {{0, 0, (1 << 20) + 1}},
    std::vector<chunk>(257, chunk{0, 0, 1}), std::vector<chunk>(17, chunk{0, 0, 1 << 20})};
  for (const auto& chunks : all) {
    EXPECT_EQ(copy(chunks, key), limits);
    EXPECT_EQ(status, status::invalid_parameter);
  }
  copy({{0, 0, 1}}, key, fsctl_copy_chunk, 11);
  EXPECT_EQ(status, status::invalid_parameter);
  EXPECT_EQ(content("to"), "");
}

TEST_F(Copies, NeedAKeyOfTheSession) {
  byte_vector key = key_of(source);
  EXPECT_EQ(status, status::success);
  key[0] ^= 0xff;
  copy({{0, 0, 1}}, key);
  EXPECT_EQ(status, status::object_name_not_found);

  key_of(source, 31);
  EXPECT_EQ(status, status::invalid_parameter);

  raw_client other{server.port()};
  other.set_up({2});
  const file_id foreign = other.create("from").id;
  byte_writer made;
  write_file_id(made, foreign);
  made.zeros(8);
  copy({{0, 0, 1}}, made.take());
  EXPECT_EQ(status, status::object_name_not_found);
}

TEST_F(Copies, NeedAccessToBoth) {
  const auto open_with = [&](const std::string& name, std::uint32_t access) {
    byte_writer body{raw_client::create_body(name)};
    body.patch_u32(24, access);
    const created c = raw_client::read_created(client.call(command::create, body.take()));
    EXPECT_EQ(c.status, status::success);
    return c.id;
  };
  constexpr std::uint32_t attributes_only = 0x80;
  constexpr std::uint32_t write_only = 0x2;
  const byte_vector key = key_of(source);
  copy({{0, 0, 1}}, key_of(open_with("from", attributes_only)));
  EXPECT_EQ(status, status::access_denied);

  target = open_with("to", attributes_only);
  copy({{0, 0, 1}}, key, fsctl_copy_chunk_write);
  EXPECT_EQ(status, status::access_denied);

  target = open_with("to", write_only);
  copy({{0, 0, 1}}, key, fsctl_copy_chunk);
  EXPECT_EQ(status, status::access_denied);
  copy({{0, 0, 1}}, key, fsctl_copy_chunk_write);
  EXPECT_EQ(status, status::success);
  EXPECT_EQ(content("to"), "h");
}

TEST_F(Copies, BreakWhatOthersCacheOfTheTarget) {
  raw_client other{server.port()};
  other.set_up({2});
  lease_context lease;
  lease.version = 1;
  lease.key.fill(7);
  lease.state = 0x1; // Read
  ASSERT_TRUE(other.create("to", lease_level, lease).lease);
  lease.key.fill(8);
  ASSERT_TRUE(other.create("from", lease_level, lease).lease);

  copy({{0, 0, 1}}, key_of(source));

  EXPECT_EQ(status, status::success);
  const auto notice = other.receive();
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->head.command, command::oplock_break);
  EXPECT_EQ(other.echo(), status::success) << "the source's lease stays";
}

} // namespace
} // namespace leasebreak::smb
