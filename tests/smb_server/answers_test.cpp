// That a client hears of no break before it hears of the grant, however its answer comes to leave.
#include "held_disk.hpp"
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/create.hpp>
#include <smb_server/wire/data.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::held_disk;
using testing::raw_client;
using testing::test_server;

constexpr std::uint32_t share_read = 1;

/// A CREATE of `f` for reading, which shares that alone.
byte_vector reader_body(std::uint8_t oplock = 0, const std::optional<lease_context>& lease = {}) {
  byte_writer body{raw_client::create_body("f", oplock, lease)};
  body.patch_u32(24, 0x0012'0089); // DesiredAccess
  body.patch_u32(32, share_read);
  return body.take();
}

/// Both in one frame; the second is related to the first.
void send_compound(raw_client& client, bytes_view create, bytes_view read) {
  byte_vector first = client.make_message(command::create, create);
  first.resize((first.size() + 7) / 8 * 8);
  byte_writer frame{std::move(first)};
  frame.patch_u32(20, static_cast<std::uint32_t>(frame.size())); // NextCommand
  frame.append(client.make_message(command::read, read, header_flag::related));
  client.send_frame(frame.view());
}

// The CREATE has been granted its lease, and its answer waits for a READ of the same compound,
// when another open breaks the lease.
TEST(AnswersOnTheWire, OfACompoundComeBeforeTheBreakOfIt) {
  for (const int version : {1, 2}) {
    SCOPED_TRACE(version);
    test_server server;
    raw_client keeper{server.port()};
    keeper.set_up({1});
    keeper.close(keeper.create("f").id);
    // Without it the CREATE would need the disk.
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

    send_compound(
      holder, reader_body(lease_level, lease), raw_client::read_body(related_file_id, 10));
    disk.await_operation(); // the READ
    contender.send(command::create, raw_client::create_body("f"));
    const auto pending = contender.receive(); // the holder has to be asked
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

} // namespace
} // namespace leasebreak::smb
