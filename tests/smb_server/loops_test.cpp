// Several event loops: which connections run where, and what connections of different loops share.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/net/connection.hpp>
#include <smb_server/runtime/loop_set.hpp>
#include <smb_server/wire/status.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace leasebreak::smb {
namespace {

namespace asio = boost::asio;
using testing::created;
using testing::raw_client;
using testing::test_server;

// -- loop_set

TEST(LoopSets, OfferTheLoopWithTheFewestConnectionsAndTheMainLoopLast) {
  loop_set loops{3};
  const auto all = loops.executors();
  std::list<loop_seat> seats;

  for (const std::size_t expected : {2U, 1U, 0U, 2U, 1U, 0U}) {
    EXPECT_EQ(asio::any_io_executor{loops.least_used().get_executor()}, all[expected]);
    seats.emplace_back(loops.least_used().get_executor());
  }
  seats.pop_front(); // that of the last loop
  seats.emplace_back(all[2]);
  seats.pop_front();

  EXPECT_EQ(asio::any_io_executor{loops.least_used().get_executor()}, all[1]);
}

TEST(LoopSets, RunEachLoopOnItsOwnThreadUntilTheMainLoopEnds) {
  constexpr std::size_t count = 3;
  loop_set loops{count};
  std::set<std::thread::id> threads; // used on the main loop
  for (const auto& executor : loops.executors())
    asio::post(executor, [&loops, &threads] {
      asio::post(loops.main(), [&loops, &threads, id = std::this_thread::get_id()] {
        threads.insert(id);
        if (threads.size() == count)
          loops.main().stop();
      });
    });
  const auto guard = asio::make_work_guard(loops.main());

  loops.run([](asio::io_context& io) { io.run(); });

  EXPECT_EQ(threads.size(), count);
  EXPECT_TRUE(threads.contains(std::this_thread::get_id()));
}

/// Records the end of a loop.
class last_service final : public asio::execution_context::service {
public:
  using key_type = last_service;
  static inline asio::execution_context::id id;

  explicit last_service(asio::execution_context& of) : service{of} {}
  ~last_service() override {
    if (record != nullptr)
      record->emplace_back("loop");
  }
  last_service(const last_service&) = delete;
  last_service& operator=(const last_service&) = delete;

  std::vector<std::string>* record = nullptr;

private:
  void shutdown() override {}
};

TEST(LoopSets, DestroyTheHandlersOfAllLoopsBeforeAnyLoop) {
  std::vector<std::string> record;
  {
    loop_set loops{2};
    for (const auto& executor : loops.executors()) {
      asio::use_service<last_service>(asio::query(executor, asio::execution::context)).record =
        &record;
      const std::shared_ptr<int> owned{new int, [&record](const int* p) {
                                         delete p;
                                         record.emplace_back("handler");
                                       }};
      asio::post(executor, [owned] { FAIL(); });
    }
  }

  EXPECT_THAT(record, ::testing::ElementsAre("handler", "handler", "loop", "loop"));
}

// -- servers

constexpr std::uint8_t batch = 9;

server_options with_two_loops() {
  server_options options;
  options.threads = 2;
  return options;
}

/// Opens a file that is kept when the connection ends.
created open_to_be_kept(raw_client& client, const std::string& name) {
  return raw_client::read_created(client.call(
    command::create, raw_client::create_body_with(name, batch, {{"DHnQ", byte_vector(16)}})));
}

std::uint32_t take_back(raw_client& client, const file_id& id) {
  byte_writer data;
  write_file_id(data, id);
  return client.call(command::create, raw_client::create_body_with("", 0, {{"DHnC", data.take()}}))
    .head.status;
}

/// The executor of the connection of such an open.
asio::any_io_executor place_of(test_server& server, const file_id& id) {
  return server.get().kept().connection_of(static_cast<open_id>(id.persistent))->get_executor();
}

/// The holder of an oplock closes the file as soon as another client opens it. Returns that
/// client's open.
created take_over(raw_client& holder, const file_id& held, raw_client& other) {
  other.send(command::create, raw_client::create_body("f"));
  const auto told = holder.receive();
  if (!told || told->head.command != command::oplock_break)
    throw std::runtime_error("no break");
  EXPECT_EQ(holder.close(held), status::success);
  return raw_client::read_created(other.await_answer());
}

/// Two clients, whose connections are on different loops.
class TwoLoops : public ::testing::Test {
protected:
  TwoLoops() {
    one.set_up({1});
    two.set_up({2});
  }

  test_server server{with_two_loops()};
  raw_client one{server.port()};
  raw_client two{server.port()};
};

TEST_F(TwoLoops, SpreadConnections) {
  const created of_one = open_to_be_kept(one, "one");
  const created of_two = open_to_be_kept(two, "two");

  EXPECT_NE(place_of(server, of_one.id), place_of(server, of_two.id));
}

TEST(Loops, RunAllChannelsOfAClientTogether) {
  test_server server{with_two_loops()};
  raw_client first{server.port()};
  first.negotiate(dialect::smb_3_0);
  ASSERT_EQ(first.log_on(), status::success);
  first.signs = true;
  ASSERT_EQ(first.connect_tree(), status::success);
  raw_client second{server.port()}; // accepted on the other loop
  second.negotiate(dialect::smb_3_0);
  ASSERT_EQ(second.bind_to(first), status::success);

  const created by_first = open_to_be_kept(first, "first");
  const created by_second = open_to_be_kept(second, "second");

  EXPECT_EQ(place_of(server, by_first.id), place_of(server, by_second.id));
}

TEST_F(TwoLoops, BreakWhatClientsOfOtherLoopsHold) {
  raw_client* holder = &one;
  raw_client* next = &two;
  for (int i = 0; i < 20; ++i) {
    const created held = holder->create("f", batch);
    ASSERT_EQ(held.oplock, batch);
    const created opened = take_over(*holder, held.id, *next);
    ASSERT_EQ(opened.status, status::success);
    ASSERT_EQ(next->close(opened.id), status::success);
    std::swap(holder, next);
  }
}

TEST(Loops, DeliverBreaksToAClientThatIsBackOnAnotherLoop) {
  test_server server{with_two_loops()};
  auto before = std::make_unique<raw_client>(server.port());
  before->set_up({1});
  const created held = open_to_be_kept(*before, "f");
  ASSERT_EQ(held.oplock, batch);
  const auto first_place = place_of(server, held.id);
  std::list<loop_seat> seats; // make the other loop the one with fewer connections
  for (int i = 0; i < 8; ++i)
    seats.emplace_back(first_place);
  before.reset();
  while (server.get().kept().size() == 0)
    std::this_thread::yield();
  raw_client other{server.port()}; // its loop was chosen before
  other.set_up({2});

  raw_client after{server.port()};
  after.set_up({1});
  ASSERT_EQ(take_back(after, held.id), status::success);

  EXPECT_NE(place_of(server, held.id), first_place);
  EXPECT_EQ(take_over(after, held.id, other).status, status::success);
}

} // namespace
} // namespace leasebreak::smb
