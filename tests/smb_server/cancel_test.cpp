// CANCEL of pending requests, and of requests that are not pending yet (MS-SMB2 3.3.5.16).
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/data.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

using testing::raw_client;
using testing::test_server;

byte_vector waiting_lock(const file_id& id) {
  return raw_client::lock_body(id, {{0, 10, lock_flag::exclusive}});
}

/// Sends both in one write: the server reads the second before it starts the first.
void send_together(raw_client& client, const byte_vector& first, const byte_vector& second) {
  byte_writer out;
  for (const byte_vector* frame : {&first, &second}) {
    out.append(make_nbt_header(frame->size()));
    out.append(*frame);
  }
  client.send_raw(out.view());
}

/// Returns the final status of a request, without interim responses.
std::uint32_t final_status(raw_client& client, std::uint64_t id) {
  while (const auto frame = client.receive_frame()) {
    const auto messages = split_compound(*frame);
    if (!messages)
      break;
    for (const message& m : *messages) {
      if (m.head.message_id == id && m.head.status != status::pending)
        return m.head.status;
    }
  }
  return status::success;
}

/// A locked range, and a second open whose lock must wait.
struct contended {
  contended() {
    client.set_up();
    holder = client.create("f").id;
    waiter = client.create("f").id;
    EXPECT_EQ(client.call(command::lock, waiting_lock(holder)).head.status, status::success);
  }

  test_server server;
  raw_client client{server.port()};
  file_id holder;
  file_id waiter;
};

TEST(Cancels, EndPendingRequests) {
  contended c;
  const std::uint64_t id = c.client.send(command::lock, waiting_lock(c.waiter));
  const auto interim = c.client.receive();
  ASSERT_TRUE(interim);
  ASSERT_EQ(interim->head.status, status::pending);

  c.client.send_frame(c.client.cancel_frame(id, interim->head.async_id));

  EXPECT_EQ(final_status(c.client, id), status::cancelled);
}

TEST(Cancels, EndRequestsThatAreNotPendingYet) {
  contended c;
  for (int i = 0; i < 50; ++i) {
    const std::uint64_t id = c.client.next_message;
    const byte_vector lock = c.client.make_message(command::lock, waiting_lock(c.waiter));

    send_together(c.client, lock, c.client.cancel_frame(id));

    ASSERT_EQ(final_status(c.client, id), status::cancelled);
  }
}

TEST(Cancels, OfARequestBehindOthersOfItsFrameEndIt) {
  contended c;
  byte_vector first = c.client.make_message(command::lock, waiting_lock(c.waiter));
  first.resize((first.size() + 7) / 8 * 8);
  byte_writer frame{first};
  frame.patch_u32(20, static_cast<std::uint32_t>(first.size())); // NextCommand
  const std::uint64_t second_id = c.client.next_message;
  frame.append(c.client.make_message(command::lock, waiting_lock(c.waiter)));

  send_together(c.client, frame.take(), c.client.cancel_frame(second_id));
  c.client.send_frame(c.client.cancel_frame(second_id - 1));

  EXPECT_EQ(final_status(c.client, second_id), status::cancelled);
}

TEST(Cancels, BeforeTheirRequestOrOfNothingAreIgnored) {
  contended c;
  const std::uint64_t id = c.client.next_message;

  c.client.send_frame(c.client.cancel_frame(id));
  c.client.send_frame(c.client.cancel_frame(4'711, 4'711));

  EXPECT_EQ(c.client.echo(), status::success);
}

} // namespace
} // namespace leasebreak::smb
