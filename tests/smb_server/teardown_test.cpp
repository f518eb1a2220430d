// Ends of sessions, tree connects and connections while other clients have not acknowledged breaks
// (MS-SMB2 3.3.5.6, 3.3.5.8, 3.3.7.1): none waits, and leases that end as well are not broken.
#include "held_disk.hpp"
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr std::uint32_t delete_on_close = 0x1000;
constexpr int files = 5;

/// How the deleting client's opens end, and the resulting status. The client waits for a few
/// seconds only, a break takes 35.
struct ending {
  const char* name;
  std::function<std::uint32_t(const test_server&, std::unique_ptr<raw_client>&)> end;
};

std::uint32_t log_off(const test_server&, std::unique_ptr<raw_client>& c) {
  return c->call(command::logoff, empty_body).head.status;
}

std::uint32_t disconnect_tree(const test_server&, std::unique_ptr<raw_client>& c) {
  return c->call(command::tree_disconnect, empty_body).head.status;
}

std::uint32_t come_back(const test_server& server, std::unique_ptr<raw_client>& c) {
  raw_client again{server.port()};
  again.negotiate(dialect::smb_2_1, {1});
  return again.log_on("user", "pass", 0, c->session_id);
}

std::uint32_t fail_to_authenticate_again(const test_server&, std::unique_ptr<raw_client>& c) {
  const std::uint32_t result = c->log_on("user", "wrong");
  return result == status::logon_failure ? status::success : result;
}

std::uint32_t lose_connection(const test_server&, std::unique_ptr<raw_client>& c) {
  c.reset();
  return status::success;
}

class Teardown : public ::testing::TestWithParam<ending> {
protected:
  static std::string name_of(int i) { return "f" + std::to_string(i); }

  static lease_context lease_of(int key) {
    lease_context lease;
    lease.key = {static_cast<std::uint8_t>(key)};
    lease.state = rh;
    return lease;
  }

  Teardown() {
    leaver->set_up({1});
    stayer.set_up({2});
  }

  created delete_later(
    const std::string& name, std::uint8_t oplock = 0, std::optional<lease_context> lease = {}) {
    byte_vector body =
      raw_client::create_body(name, oplock, lease, disposition::open_if, delete_on_close);
    body[26] |= 1; // DELETE in DesiredAccess
    return raw_client::read_created(leaver->call(command::create, body));
  }

  test_server server;
  std::unique_ptr<raw_client> leaver = std::make_unique<raw_client>(server.port());
  raw_client stayer{server.port()};
};

INSTANTIATE_TEST_SUITE_P(Endings, Teardown,
  ::testing::Values(ending{"Logoff", log_off}, ending{"TreeDisconnect", disconnect_tree},
    ending{"PreviousSession", come_back}, ending{"Reauthentication", fail_to_authenticate_again},
    ending{"Disconnect", lose_connection}),
  [](const auto& tested) { return std::string{tested.param.name}; });

TEST_P(Teardown, DoesNotWaitForHandleCaching) {
  std::vector<file_id> held;
  for (int i = 0; i < files; ++i) {
    const created h = stayer.create(name_of(i), lease_level, lease_of(i + 1));
    ASSERT_EQ(h.lease->state, rh);
    held.push_back(h.id);
    ASSERT_EQ(delete_later(name_of(i)).status, status::success);
  }

  EXPECT_EQ(GetParam().end(server, leaver), status::success);

  // All breaks are sent at once. The last handles delete the files.
  int told = 0;
  while (told < files) {
    const auto a = stayer.receive_final();
    ASSERT_TRUE(a);
    told += a->head.command == command::oplock_break ? 1 : 0;
  }
  for (const file_id& id : held)
    EXPECT_EQ(stayer.close(id), status::success);
  for (int i = 0; i < files; ++i)
    EXPECT_FALSE(std::filesystem::exists(server.directory() / name_of(i)));
}

TEST_P(Teardown, DoesNotBreakLeasesThatEndAsWell) {
  for (int i = 0; i < files; ++i) {
    ASSERT_EQ(leaver->create(name_of(i), lease_level, lease_of(i + 1)).lease->state, rh);
    // Another lease than the first one, which would thus be broken.
    ASSERT_EQ(delete_later(name_of(i), lease_level, lease_of(100 + i)).status, status::success);
  }

  EXPECT_EQ(GetParam().end(server, leaver), status::success);
  if (leaver) { // no break comes before its response
    leaver->send(command::echo, empty_body);
    const auto a = leaver->receive_final();
    ASSERT_TRUE(a);
    EXPECT_EQ(a->head.command, command::echo);
  }
  for (int i = 0; i < files; ++i) {
    // The names vanish as soon as the teardown is done.
    std::uint32_t found = status::success;
    do {
      const created c = raw_client::read_created(stayer.call(
        command::create, raw_client::create_body(name_of(i), 0, {}, disposition::open)));
      found = c.status;
      if (found == status::success) {
        EXPECT_EQ(stayer.close(c.id), status::success);
      }
    } while (found == status::success || found == status::delete_pending);
    EXPECT_EQ(found, status::object_name_not_found);
  }
}

TEST_P(Teardown, LetsOtherClientsOpen) {
  for (int i = 0; i < files; ++i)
    ASSERT_EQ(leaver->create(name_of(i), 0x09).oplock, 0x09);

  EXPECT_EQ(GetParam().end(server, leaver), status::success);

  for (int i = 0; i < files; ++i)
    EXPECT_EQ(stayer.create(name_of(i)).status, status::success);
}

/// Waits until the server has this number of opens.
void await_opens(test_server& server, std::uint64_t count) {
  while (server.get().coordinator().stats().opens_now != count)
    std::this_thread::yield();
}

byte_vector body_to_delete(const std::string& name) {
  byte_writer body{raw_client::create_body(name, 0, {}, disposition::open, delete_on_close)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  return body.take();
}

// The coordinator has granted an open whose CREATE has no response yet.
TEST(TeardownOfAnUnansweredCreate, DeletesTheFileOfWhichItWasTheLastOpen) {
  test_server server;
  raw_client alice{server.port()};
  raw_client bob{server.port()};
  std::optional<raw_client> carol{std::in_place, server.port()};
  alice.set_up({1});
  bob.set_up({2});
  carol->set_up({3});
  std::ofstream{server.directory() / "f"} << "to be overwritten";
  const created deleting = raw_client::read_created(bob.call(command::create, body_to_delete("f")));
  lease_context lease;
  lease.key.fill(1);
  lease.state = rh;
  const created cached = alice.create("f", lease_level, lease);
  // Breaks Alice's lease. The write does not wait for that; Carol's open does.
  ASSERT_EQ(bob.call(command::write, raw_client::write_body(deleting.id, "by bob")).head.status,
    status::success);
  carol->send(command::create, raw_client::create_body("f"));
  while (server.get().coordinator().stats().waiting_now != 1)
    std::this_thread::yield();

  testing::held_disk disk{server};
  ASSERT_EQ(alice.close(cached.id), status::success);
  await_opens(server, 2); // Carol's open, whose CREATE looks up the name again
  bob.send(command::close, raw_client::close_body(deleting.id));
  await_opens(server, 1);
  carol.reset();
  await_opens(server, 0);
  disk.release();
  server.stop();

  EXPECT_FALSE(std::filesystem::exists(server.directory() / "f"));
}

} // namespace
} // namespace leasebreak::smb
