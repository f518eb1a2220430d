// Zeros and holes on the wire (MS-SMB2 3.3.5.15, MS-FSCC 2.3).
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/commands/file_ranges.hpp>
#include <smb_server/wire/notify.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace leasebreak::smb {
namespace {

using commands::fsctl_query_allocated_ranges;
using commands::fsctl_set_sparse;
using commands::fsctl_set_zero_data;
using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr std::uint64_t block = 64 * 1024;

byte_vector range_of(std::uint64_t first, std::uint64_t second) {
  byte_writer out;
  out.u64(first);
  out.u64(second);
  return out.take();
}

/// A client with a file of four blocks, all of them written.
class FileRangesOnTheWire : public ::testing::Test {
protected:
  FileRangesOnTheWire() {
    client.set_up({1});
    file = client.create("f").id;
    for (std::size_t i = 0; i < 4; ++i) {
      byte_writer body{raw_client::write_body(file, std::string(block, 'x'))};
      body.patch_u32(8, static_cast<std::uint32_t>(i * block)); // Offset
      EXPECT_EQ(client.call(command::write, body.take()).head.status, status::success);
    }
  }

  answer ioctl(std::uint32_t code, byte_vector input, std::uint32_t output_max = 0) {
    return client.call(command::ioctl, raw_client::ioctl_body(code, input, output_max, file));
  }

  std::uint32_t zero(std::uint64_t from, std::uint64_t to) {
    return ioctl(fsctl_set_zero_data, range_of(from, to)).head.status;
  }

  std::vector<std::pair<std::uint64_t, std::uint64_t>> allocated(const answer& a) {
    const byte_vector output = raw_client::ioctl_output(a);
    byte_reader in{output};
    std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
    while (in.remaining() >= 16) {
      const std::uint64_t offset = in.u64();
      found.emplace_back(offset, in.u64());
    }
    return found;
  }

  test_server server;
  raw_client client{server.port()};
  file_id file;
};

TEST_F(FileRangesOnTheWire, AreMadeZero) {
  EXPECT_EQ(zero(1, 4), status::success);

  const answer a = client.call(command::read, raw_client::read_body(file, 6));
  ASSERT_EQ(a.head.status, status::success);
  byte_reader in = a.body();
  in.skip(16);
  EXPECT_EQ(in.u32(), 0x00'00'00'78U);
}

TEST_F(FileRangesOnTheWire, ThatHoldDataAreToldOnceTheFileIsSparse) {
  ASSERT_EQ(zero(block, 3 * block), status::success);
  using list = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  const byte_vector all = range_of(0, 9 * block);
  EXPECT_EQ(allocated(ioctl(fsctl_query_allocated_ranges, all, 64)), (list{{0, 4 * block}}));

  ASSERT_EQ(ioctl(fsctl_set_sparse, {1}).head.status, status::success);
  ASSERT_EQ(zero(block, 3 * block), status::success);

  const answer both = ioctl(fsctl_query_allocated_ranges, all, 32);
  EXPECT_EQ(both.head.status, status::success);
  EXPECT_EQ(allocated(both), (list{{0, block}, {3 * block, block}}));
  const answer first = ioctl(fsctl_query_allocated_ranges, all, 31);
  EXPECT_EQ(first.head.status, status::buffer_overflow);
  EXPECT_EQ(allocated(first), (list{{0, block}}));
  EXPECT_EQ(ioctl(fsctl_query_allocated_ranges, all, 15).head.status, status::buffer_too_small);
  EXPECT_EQ(
    ioctl(fsctl_query_allocated_ranges, range_of(4 * block, block)).head.status, status::success);
}

TEST_F(FileRangesOnTheWire, ThatMakeNoSenseAreRefused) {
  EXPECT_EQ(zero(2, 1), status::invalid_parameter);
  EXPECT_EQ(zero(0, UINT64_MAX), status::invalid_parameter);
  EXPECT_EQ(zero(5, 5), status::success);
  EXPECT_EQ(ioctl(fsctl_set_zero_data, byte_vector(15)).head.status, status::invalid_parameter);
  EXPECT_EQ(ioctl(fsctl_query_allocated_ranges, range_of(1, INT64_MAX), 64).head.status,
    status::invalid_parameter);
  EXPECT_EQ(
    ioctl(fsctl_query_allocated_ranges, byte_vector(8), 64).head.status, status::invalid_parameter);
}

TEST_F(FileRangesOnTheWire, AreMadeZeroOnceOtherCachesAreBroken) {
  raw_client other{server.port()};
  other.set_up({2});
  lease_context lease;
  lease.version = 1;
  lease.key.fill(7);
  lease.state = 0x1; // Read
  const created held = other.create("f", lease_level, lease);
  ASSERT_TRUE(held.lease);

  EXPECT_EQ(zero(5, 5), status::success);
  EXPECT_EQ(other.echo(), status::success) << "no break has come before the response";
  EXPECT_EQ(zero(0, 1), status::success);

  const auto notice = other.receive();
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->head.command, command::oplock_break);
}

// Listings of the directory contain the attribute.
TEST_F(FileRangesOnTheWire, ReportTheSparseAttributeToTheDirectory) {
  raw_client other{server.port()};
  other.set_up({2});
  const created directory = raw_client::read_created(other.call(
    command::create, raw_client::create_body("", 0, {}, disposition::open, directory_option)));
  other.send(
    command::change_notify, raw_client::notify_body(directory.id, notify_filter::attributes));
  ASSERT_EQ(other.receive().value().head.status, status::pending);

  ASSERT_EQ(ioctl(fsctl_set_sparse, {1}).head.status, status::success);

  const auto told = other.receive_final();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->head.command, command::change_notify);
  EXPECT_EQ(told->head.status, status::success);
}

TEST_F(FileRangesOnTheWire, AreNotMadeZeroUnderALock) {
  raw_client other{server.port()};
  other.set_up({2});
  const created c = other.create("f");
  const lock_range taken{10, 10, lock_flag::exclusive | lock_flag::fail_immediately};
  ASSERT_EQ(
    other.call(command::lock, raw_client::lock_body(c.id, {taken})).head.status, status::success);

  EXPECT_EQ(zero(0, 11), 0xC0000054U); // STATUS_FILE_LOCK_CONFLICT
  EXPECT_EQ(zero(0, 10), status::success);
}

} // namespace
} // namespace leasebreak::smb
