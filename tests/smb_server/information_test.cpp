// Times, volumes and other information on the wire, and requests of the largest size.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/query.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <string>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

class Information : public ::testing::Test {
protected:
  Information() {
    client.negotiate(dialect::smb_3_0_2);
    client.log_on();
    client.connect_tree();
    file = client.create("f").id;
  }

  answer query(info_type type, std::uint8_t what, std::uint32_t room = 4'096) {
    byte_writer body;
    body.u16(41);
    body.u8(static_cast<std::uint8_t>(type));
    body.u8(what);
    body.u32(room);
    body.zeros(16);
    write_file_id(body, file);
    return client.call(command::query_info, body.view());
  }

  static byte_vector buffer_of(const answer& a) {
    byte_reader in = a.body();
    in.skip(4);
    const std::size_t length = in.u32();
    const auto data = slice(bytes_view{a.bytes}, 72, length);
    return data ? byte_vector(data->begin(), data->end()) : byte_vector{};
  }

  /// Returns CreationTime, LastAccessTime, LastWriteTime and ChangeTime.
  std::array<std::uint64_t, 4> times() {
    const byte_vector data =
      buffer_of(query(info_type::file, static_cast<std::uint8_t>(file_class::basic)));
    byte_reader in{data};
    std::array<std::uint64_t, 4> result{};
    for (std::uint64_t& time : result)
      time = in.u64();
    return result;
  }

  std::uint32_t set_times(const std::array<std::uint64_t, 4>& wanted) {
    byte_writer data;
    for (const std::uint64_t time : wanted)
      data.u64(time);
    data.zeros(8);
    return client
      .call(command::set_info,
        raw_client::set_info_body(file, static_cast<std::uint8_t>(file_class::basic), data.view()))
      .head.status;
  }

  void write() {
    EXPECT_EQ(
      client.call(command::write, raw_client::write_body(file, "x")).head.status, status::success);
  }

  static constexpr std::uint64_t stop = UINT64_MAX; ///< -1
  static constexpr std::uint64_t resume = UINT64_MAX - 1; ///< -2
  static constexpr std::uint64_t long_ago = 130'000'000'000'000'000;

  test_server server;
  raw_client client{server.port()};
  file_id file;
};

// MS-FSA 2.1.5.15.2, MS-FSCC 2.4.7.
TEST_F(Information, ATimeThatIsSetIsNotUpdatedByWritesThroughTheOpen) {
  ASSERT_EQ(set_times({long_ago, 0, long_ago, 0}), status::success);
  write();
  EXPECT_EQ(times()[2], long_ago);

  ASSERT_EQ(set_times({0, 0, resume, 0}), status::success);
  EXPECT_EQ(times()[2], long_ago);
  write();
  EXPECT_NE(times()[2], long_ago);
  EXPECT_EQ(times()[0], long_ago);
}

TEST_F(Information, MinusOneStopsTheUpdatesOfATimeAndMinusTwoResumesThem) {
  const std::uint64_t before = times()[2];
  ASSERT_EQ(set_times({stop, stop, stop, stop}), status::success);
  write();
  EXPECT_EQ(times()[2], before);

  const file_id another = client.create("f").id;
  EXPECT_EQ(
    client.call(command::write, raw_client::write_body(another, "y")).head.status, status::success);
  EXPECT_NE(times()[2], before) << "only the open itself does not update the time";

  ASSERT_EQ(set_times({resume, resume, resume, resume}), status::success);
  const std::uint64_t resumed = times()[2];
  write();
  EXPECT_GE(times()[2], resumed);
  EXPECT_EQ(set_times({0, 0, UINT64_MAX - 2, 0}), status::invalid_parameter);
}

TEST_F(Information, NothingIsCompressed) {
  constexpr std::uint32_t fsctl_get_compression = 0x0009'003c;
  const answer a =
    client.call(command::ioctl, raw_client::ioctl_body(fsctl_get_compression, {}, 2, file));

  EXPECT_EQ(a.head.status, status::success);
  EXPECT_EQ(raw_client::ioctl_output(a), byte_vector(2));
  EXPECT_EQ(client.call(command::ioctl, raw_client::ioctl_body(fsctl_get_compression, {}, 1, file))
              .head.status,
    status::invalid_parameter);
}

// MS-FSCC 2.5.8.
TEST_F(Information, AVolumeHasSectorSizes) {
  const auto what = static_cast<std::uint8_t>(volume_class::sector_size);

  const byte_vector sizes = buffer_of(query(info_type::filesystem, what));

  ASSERT_EQ(sizes.size(), 28U);
  byte_reader in{sizes};
  const std::uint32_t logical = in.u32();
  EXPECT_EQ(logical, 512U);
  EXPECT_EQ(in.u32(), logical); // PhysicalBytesPerSectorForAtomicity
  const std::uint32_t for_performance = in.u32();
  EXPECT_GE(for_performance, logical);
  EXPECT_EQ(for_performance % logical, 0U);
  EXPECT_EQ(in.u32(), logical); // FileSystemEffectivePhysicalBytesPerSectorForAtomicity
  EXPECT_EQ(query(info_type::filesystem, what, 27).head.status, status::info_length_mismatch);
}

// MS-SMB2 3.3.5.9: FILE_DELETE_ON_CLOSE requires DELETE.
TEST_F(Information, DeleteOnCloseNeedsTheRightToDelete) {
  constexpr std::uint32_t delete_on_close = 0x1000;
  byte_writer body{raw_client::create_body("new", 0, {}, disposition::open_if, delete_on_close)};
  body.patch_u32(24, 0x0012'019f); // DesiredAccess, without DELETE
  EXPECT_EQ(client.call(command::create, body.view()).head.status, status::access_denied);
  EXPECT_FALSE(std::filesystem::exists(server.directory() / "new"));

  body.patch_u32(24, 0x0013'019f);
  EXPECT_EQ(client.call(command::create, body.view()).head.status, status::success);
}

TEST_F(Information, ReadsAndWritesMayBeOf8MiB) {
  constexpr std::uint32_t size = 8 << 20;
  constexpr std::uint16_t charge = size / 65'536;
  client.credits_wanted = 2 * charge;
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(client.echo(), status::success);
  std::string data(size, 'a');
  data.front() = 'b';
  data.back() = 'c';

  client.send_frame(
    client.make_message(command::write, raw_client::write_body(file, data), 0, charge));
  const answer written = client.await_answer();
  client.send_frame(
    client.make_message(command::read, raw_client::read_body(file, size), 0, charge));
  const answer got = client.await_answer();

  EXPECT_EQ(written.head.status, status::success);
  ASSERT_EQ(got.head.status, status::success);
  ASSERT_EQ(got.bytes.size(), 80U + size);
  EXPECT_EQ(std::string(got.bytes.begin() + 80, got.bytes.end()), data);

  client.send_frame(
    client.make_message(command::read, raw_client::read_body(file, size + 1), 0, charge + 1));
  EXPECT_EQ(client.await_answer().head.status, status::invalid_parameter);
}

} // namespace
} // namespace leasebreak::smb
