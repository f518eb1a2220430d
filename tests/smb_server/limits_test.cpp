// Limits of what one client can make the server keep, and what they leave to others.
#include "held_disk.hpp"
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/net/company.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::held_disk;
using testing::raw_client;
using testing::test_server;

byte_vector flush_body(const file_id& id) {
  byte_writer body;
  body.u16(24);
  body.zeros(6);
  write_file_id(body, id);
  return body.take();
}

file_id open_directory(raw_client& client) {
  return raw_client::read_created(
    client.call(
      command::create, raw_client::create_body("", 0, {}, disposition::open, directory_option)))
    .id;
}

constexpr std::uint32_t lock_flags = 0x2 | 0x10; // exclusive, fail immediately
constexpr std::uint32_t unlock_flag = 0x4;

/// Locks or unlocks one byte.
std::uint32_t lock(
  raw_client& client, const file_id& id, std::uint64_t at, std::uint32_t flags = lock_flags) {
  return client.call(command::lock, raw_client::lock_body(id, {{at, 1, flags}})).head.status;
}

/// A directory with pending CHANGE_NOTIFY requests.
struct watched {
  explicit watched(const server_limits& limits) : server{limits} {
    client.set_up();
    directory = open_directory(client);
  }

  /// Sends one more request, and returns the first response to it.
  answer wait() {
    constexpr std::uint32_t all_changes = 0xfff;
    client.send(command::change_notify, raw_client::notify_body(directory, all_changes));
    auto a = client.receive();
    return a ? *a : answer{};
  }

  test_server server;
  raw_client client{server.port()};
  file_id directory;
};

TEST(PendingRequests, AboveTheLimitAreRefused) {
  server_limits limits;
  limits.pending_requests = 2;
  watched w{limits};

  EXPECT_EQ(w.wait().head.status, status::pending);
  EXPECT_EQ(w.wait().head.status, status::pending);
  EXPECT_EQ(w.wait().head.status, status::insufficient_resources);

  EXPECT_EQ(w.client.echo(), status::success);
}

TEST(PendingRequests, MakeRoomWhenTheyEnd) {
  server_limits limits;
  limits.pending_requests = 1;
  watched w{limits};
  const answer first = w.wait();
  ASSERT_EQ(first.head.status, status::pending);

  w.client.send_frame(w.client.cancel_frame(0, first.head.async_id));
  const auto ended = w.client.receive();
  ASSERT_TRUE(ended && ended->head.status == status::cancelled);

  EXPECT_EQ(w.wait().head.status, status::pending);
}

TEST(PendingRequests, LeaveRoomForWorkingRequests) {
  server_limits limits;
  limits.working_requests = 1;
  watched w{limits};
  EXPECT_EQ(w.wait().head.status, status::pending);
  EXPECT_EQ(w.wait().head.status, status::pending);

  EXPECT_EQ(w.client.echo(), status::success);
}

TEST(WorkingRequests, AboveTheLimitAreReadLater) {
  server_limits limits;
  limits.working_requests = 1;
  test_server server{limits};
  raw_client client{server.port()};
  client.set_up();
  const created f = client.create("f");
  ASSERT_EQ(f.status, status::success);
  held_disk disk{server};

  const std::uint64_t first = client.send(command::flush, flush_body(f.id));
  const std::uint64_t second = client.send(command::echo, byte_vector{4, 0, 0, 0});
  disk.release();

  for (const std::uint64_t id : {first, second}) {
    const auto a = client.receive_final();
    ASSERT_TRUE(a);
    EXPECT_EQ(a->head.message_id, id);
  }
}

TEST(Company, IsAnyOtherConnectionOfLate) {
  using namespace std::chrono_literals;
  company all{10ms};
  const company::time_point start{};
  constexpr connection_id first{1};
  constexpr connection_id second{2};

  EXPECT_FALSE(all.joins(first, start));
  EXPECT_FALSE(all.joins(first, start + 1ms));
  EXPECT_TRUE(all.joins(second, start + 2ms));
  EXPECT_TRUE(all.joins(first, start + 3ms));
  EXPECT_TRUE(all.joins(first, start + 11ms));
  EXPECT_FALSE(all.joins(first, start + 12ms));
}

TEST(WorkingRequests, OfAConnectionInCompanyAreReadLater) {
  server_limits limits;
  limits.working_requests_in_company = 1;
  limits.company_time = std::chrono::hours{1};
  limits.company_pause = std::chrono::hours{1};
  test_server server{limits};
  raw_client client{server.port()};
  client.set_up();
  const created f = client.create("f");
  ASSERT_EQ(f.status, status::success);
  raw_client other{server.port()};
  other.set_up();
  held_disk disk{server};

  const std::uint64_t first = client.send(command::flush, flush_body(f.id));
  const std::uint64_t second = client.send(command::echo, byte_vector{4, 0, 0, 0});
  disk.await_operation();
  EXPECT_EQ(other.echo(), status::success);
  disk.release();

  for (const std::uint64_t id : {first, second}) {
    const auto a = client.receive_final();
    ASSERT_TRUE(a);
    EXPECT_EQ(a->head.message_id, id);
  }
}

/// A disk with the maximum number of operations.
class FullDisk : public ::testing::Test {
protected:
  static server_options options() {
    server_options o;
    o.disk_threads = 1;
    o.limits.disk_operations = 1;
    return o;
  }

  test_server server{options()};
  raw_client client{server.port()};
};

TEST_F(FullDisk, StillDeletesClosedFiles) {
  constexpr std::uint32_t delete_on_close = 0x1000;
  client.set_up();
  byte_writer body{raw_client::create_body("f", 0, {}, disposition::create, delete_on_close)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  const answer a = client.call(command::create, body.view());
  ASSERT_EQ(a.head.status, status::success);
  held_disk disk{server};

  const std::uint64_t id =
    client.send(command::close, raw_client::close_body(raw_client::read_created(a).id));
  EXPECT_EQ(client.call(command::echo, byte_vector{4, 0, 0, 0}).head.message_id, id + 1);
  disk.release();

  const auto closed = client.receive_final();
  ASSERT_TRUE(closed && closed->head.message_id == id);
  EXPECT_EQ(closed->head.status, status::success);
  EXPECT_FALSE(std::filesystem::exists(server.directory() / "f"));
}

TEST_F(FullDisk, DoesNotPreventLogons) {
  client.negotiate();
  const held_disk disk{server};

  EXPECT_EQ(client.log_on(), status::success);
}

TEST(Opens, OfAllConnectionsAreBounded) {
  server_limits limits;
  limits.opens = 3;
  test_server server{limits};
  raw_client greedy{server.port()};
  greedy.set_up({1});
  const file_id directory = open_directory(greedy);
  ASSERT_EQ(greedy.create("f").status, status::success);
  ASSERT_EQ(
    greedy.call(command::query_directory, raw_client::names_body(directory, "*")).head.status,
    status::success);
  raw_client other{server.port()};
  other.set_up({2});

  EXPECT_EQ(other.create("g").status, status::too_many_opened_files);
  EXPECT_FALSE(std::filesystem::exists(server.directory() / "g"));
  ASSERT_EQ(greedy.close(directory), status::success);
  EXPECT_EQ(other.create("g").status, status::success);
}

TEST(Users, ShareTheirOpensAmongTheirConnections) {
  server_options options;
  options.users = {{"user", "pass"}, {"other", "word"}};
  options.limits.opens_per_user = 2;
  test_server server{options};
  raw_client one{server.port()};
  one.set_up({1});
  raw_client two{server.port()};
  two.set_up({2});
  const created a = one.create("a");
  ASSERT_EQ(a.status, status::success);
  ASSERT_EQ(two.create("b").status, status::success);

  EXPECT_EQ(one.create("c").status, status::too_many_opened_files);
  EXPECT_EQ(two.create("c").status, status::too_many_opened_files);

  EXPECT_EQ(one.close(a.id), status::success);
  EXPECT_EQ(two.create("c").status, status::success);
}

TEST(Users, DoNotLoseTheirPlaceToACreateThatFails) {
  server_limits limits;
  limits.opens_per_user = 1;
  test_server server{limits};
  raw_client client{server.port()};
  client.set_up();

  for (int i = 0; i < 3; ++i)
    EXPECT_NE(client.create("no\\such\\file").status, status::success);

  EXPECT_EQ(client.create("file").status, status::success);
}

TEST(Users, ShareTheirLocksAmongTheirConnections) {
  server_limits limits;
  limits.locks_per_user = 2;
  test_server server{limits};
  raw_client one{server.port()};
  one.set_up({1});
  raw_client two{server.port()};
  two.set_up({2});
  const created a = one.create("a");
  const created b = two.create("b");
  EXPECT_EQ(lock(one, a.id, 0), status::success);
  EXPECT_NE(lock(one, a.id, 0), status::success);
  EXPECT_EQ(lock(two, b.id, 0), status::success);
  EXPECT_EQ(lock(two, b.id, 1), status::insufficient_resources);

  EXPECT_EQ(lock(one, a.id, 0, unlock_flag), status::success);
  EXPECT_EQ(lock(two, b.id, 1), status::success);

  EXPECT_EQ(two.close(b.id), status::success);
  EXPECT_EQ(lock(one, a.id, 2), status::success);
  EXPECT_EQ(lock(one, a.id, 3), status::success);
}

// MS-SMB2 3.3.5.14: the open has the lock of a replayed request already.
TEST(Users, CountALockThatIsSentTwiceOnce) {
  server_limits limits;
  limits.locks_per_user = 3;
  test_server server{limits};
  raw_client client{server.port()};
  client.negotiate(dialect::smb_3_0_2);
  client.log_on();
  client.connect_tree();
  const created file = client.create("file");
  byte_writer body{raw_client::lock_body(file.id, {{0, 1, lock_flags}})};
  constexpr std::uint32_t first_of_index_1 = 0x11;
  body.patch_u32(4, first_of_index_1);
  ASSERT_EQ(client.call(command::lock, body.view()).head.status, status::success);

  EXPECT_EQ(client.call(command::lock, body.view()).head.status, status::success);

  EXPECT_EQ(lock(client, file.id, 10), status::success);
  EXPECT_EQ(lock(client, file.id, 20), status::success);
  EXPECT_EQ(lock(client, file.id, 30), status::insufficient_resources);
  EXPECT_EQ(lock(client, file.id, 0, unlock_flag), status::success);
  EXPECT_EQ(lock(client, file.id, 40), status::success);
}

TEST(Users, LeaveTheDiskToOthersHoweverManyConnectionsTheyHave) {
  server_options options;
  options.users = {{"user", "pass"}, {"other", "word"}};
  options.disk_threads = 1;
  options.limits.disk_operations = 8;
  test_server server{options};
  std::vector<std::unique_ptr<raw_client>> greedy;
  std::vector<file_id> files;
  for (std::uint8_t i = 1; i <= 5; ++i) {
    greedy.push_back(std::make_unique<raw_client>(server.port()));
    greedy.back()->set_up({i});
    files.push_back(greedy.back()->create("file").id);
  }
  raw_client other{server.port()};
  other.negotiate(dialect::smb_2_1, {9});
  ASSERT_EQ(other.log_on("other", "word"), status::success);
  ASSERT_EQ(other.connect_tree(), status::success);
  const file_id mine = other.create("mine").id;
  {
    held_disk disk{server};
    for (std::size_t i = 0; i < greedy.size(); ++i) {
      for (int k = 0; k < 2; ++k)
        greedy[i]->send(command::flush, flush_body(files[i]));
      EXPECT_EQ(greedy[i]->echo(), status::success);
    }
    other.send(command::flush, flush_body(mine));
    EXPECT_EQ(other.echo(), status::success);
  }

  EXPECT_EQ(other.receive_final().value().head.status, status::success);
}

TEST(Listings, OfOneClientLetAnotherClientReachTheDisk) {
  server_options options;
  options.disk_threads = 1;
  options.log_level = "trace";
  test_server server{options};
  constexpr int names = 5'000; // many batches
  for (int i = 0; i < names; ++i)
    std::filesystem::create_symlink("nothing", server.directory() / ("link" + std::to_string(i)));
  raw_client lister{server.port()};
  lister.set_up({1});
  raw_client other{server.port()};
  other.set_up({2});
  const file_id directory = open_directory(lister);
  constexpr int listings = 8;
  {
    held_disk disk{server};
    for (int i = 0; i < listings; ++i)
      lister.send(command::query_directory, raw_client::names_body(directory, "la*"));
    EXPECT_EQ(lister.echo(), status::success);
    other.send(command::create, raw_client::create_body("file", 0, {}, disposition::open_if, 0));
    EXPECT_EQ(other.echo(), status::success);
  }

  const auto made = other.receive_final();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->head.status, status::success);
  for (int i = 0; i < listings; ++i)
    ASSERT_TRUE(lister.receive_final());

  const std::string log = server.stop();
  EXPECT_LT(log.rfind("CREATE"), log.rfind("QUERY_DIRECTORY"));
}

TEST(Listings, GoOnUntilAllNamesHaveBeenLookedAt) {
  test_server server;
  constexpr int many = 20'000; // more than one job of a disk thread
  for (int i = 0; i < many; ++i)
    std::filesystem::create_symlink("nothing", server.directory() / ("link" + std::to_string(i)));
  raw_client client{server.port()};
  client.set_up();
  ASSERT_EQ(client.create("last").status, status::success);

  const answer a =
    client.call(command::query_directory, raw_client::names_body(open_directory(client), "la*"));

  EXPECT_EQ(a.head.status, status::success);
}

// -- without a server ----------------------------------------------------------------------------

TEST(Descriptors, AreDividedAmongConnectionsAndOpens) {
  const server_limits limits;

  const server_limits few = limits.within(1'024);
  EXPECT_EQ(few.connections, 224U);
  EXPECT_EQ(few.opens, 672U);
  EXPECT_EQ(few.opens_per_connection, 168U);

  const server_limits enough = limits.within(std::size_t{1} << 20);
  EXPECT_EQ(enough.connections, limits.connections);
  EXPECT_EQ(enough.opens, limits.opens);
  EXPECT_EQ(enough.opens_per_connection, limits.opens_per_connection);

  EXPECT_EQ(limits.within(SIZE_MAX).opens, limits.opens);
  EXPECT_GE(limits.within(0).connections, 1U);
}

} // namespace
} // namespace leasebreak::smb
