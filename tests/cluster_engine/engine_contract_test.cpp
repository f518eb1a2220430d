// The contract of `engine`, with the server that the program starts.
#include "engine_contract.hpp"
#include "engine_runner.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using namespace std::chrono_literals;
using cluster_engine_test::engine_site;
using cluster_engine_test::first_view_of;
namespace asio = boost::asio;

class Engines : public testing::Test, protected cluster_engine_test::engine_runner {
protected:
  static void SetUpTestSuite() { site = cluster_engine_test::start_engine_site(); }
  static void TearDownTestSuite() { site.reset(); }

  void SetUp() override {
    if (site == nullptr)
      GTEST_SKIP() << "the server is not installed";
    static int count = 0;
    name = "contract-" + std::to_string(++count);
  }

  std::unique_ptr<engine> make() { return site->make(io.get_executor(), name, lease); }

  static std::unique_ptr<engine_site> site;
  std::string name;
  std::chrono::seconds lease{5};
};

std::unique_ptr<engine_site> Engines::site;

TEST_F(Engines, GiveEachRunAnotherNumber) {
  const auto first = make();
  const auto second = make();
  std::map<node_id, int> numbers;
  const auto start = [&](engine& e) -> asio::awaitable<void> {
    ++numbers[std::get<node_id>(co_await e.start_run())];
  };
  // At the same time: one of them may have to try again.
  asio::co_spawn(io, start(*first), asio::detached);
  asio::co_spawn(io, start(*second), asio::detached);
  io.run();
  EXPECT_EQ(numbers, (std::map<node_id, int>{{node_id{1}, 1}, {node_id{2}, 1}}));
  EXPECT_EQ(value(make()->start_run()), node_id{3});
  name += "-other";
  EXPECT_EQ(value(make()->start_run()), node_id{1});
}

TEST_F(Engines, StoreWhoLivesAndWhomTheySuspect) {
  const auto e = make();
  const auto node = value(e->start_run());
  EXPECT_TRUE(value(e->read()).living.empty());
  EXPECT_TRUE(value(e->renew({})));
  EXPECT_EQ(value(e->read()).living, (std::map<node_id, std::vector<node_id>>{{node, {}}}));
  EXPECT_TRUE(value(e->renew({node_id{7}, node_id{300}})));
  EXPECT_EQ(value(e->read()).living,
    (std::map<node_id, std::vector<node_id>>{{node, {node_id{7}, node_id{300}}}}));
  EXPECT_TRUE(value(e->renew({})));
  EXPECT_TRUE(value(e->read()).living.at(node).empty());
}

TEST_F(Engines, LetLeasesExpire) {
  lease = 1s;
  const auto e = make();
  static_cast<void>(value(e->start_run()));
  EXPECT_TRUE(value(e->renew({})));
  const auto reader = make();
  while (!value(reader->read()).living.empty())
    pass(50ms);
  EXPECT_FALSE(value(e->renew({})));
  EXPECT_FALSE(value(e->renew({node_id{7}}))); // which is stored, too
  EXPECT_TRUE(value(reader->read()).living.empty());
}

TEST_F(Engines, EndLeasesOnRequest) {
  const auto e = make();
  static_cast<void>(value(e->start_run()));
  EXPECT_FALSE(value(e->revoke()));
  EXPECT_TRUE(value(e->renew({})));
  EXPECT_TRUE(value(e->revoke()));
  EXPECT_TRUE(value(e->read()).living.empty());
  EXPECT_FALSE(value(e->renew({})));
  EXPECT_FALSE(value(e->revoke()));
}

TEST_F(Engines, ReplaceTheViewOnce) {
  const auto first = make();
  const auto second = make();
  const auto node = value(first->start_run());
  const auto other = value(second->start_run());
  EXPECT_TRUE(value(first->renew({})));
  EXPECT_TRUE(value(second->renew({})));
  EXPECT_EQ(value(first->read()).current.number, 0U);
  EXPECT_EQ(value(second->read()).current.number, 0U);
  EXPECT_TRUE(value(first->propose(first_view_of(node))));
  EXPECT_FALSE(value(second->propose(first_view_of(other))));
  EXPECT_EQ(value(second->read()).current, first_view_of(node));
  view_change change;
  change.joining = view_member{"b", other, "b:1", 0};
  const auto next = *next_view(first_view_of(node), change);
  EXPECT_TRUE(value(second->propose(next)));
  EXPECT_FALSE(value(second->propose(next))); // which it has not read
  EXPECT_EQ(value(first->read()).current, next);
  EXPECT_EQ(value(first->read()).current, next); // as before
}

TEST_F(Engines, DoNotReplaceTheViewForARunWithoutALease) {
  const auto e = make();
  const auto node = value(e->start_run());
  static_cast<void>(value(e->read()));
  EXPECT_FALSE(value(e->propose(first_view_of(node))));
  EXPECT_TRUE(value(e->renew({})));
  EXPECT_TRUE(value(e->propose(first_view_of(node))));
  static_cast<void>(value(e->read()));
  EXPECT_TRUE(value(e->revoke()));
  view_change change;
  change.gone = {node};
  EXPECT_FALSE(value(e->propose(*next_view(first_view_of(node), change))));
}

TEST_F(Engines, DoSeveralThingsAtATime) {
  const auto e = make();
  const auto node = value(e->start_run());
  EXPECT_TRUE(value(e->renew({})));
  EXPECT_EQ(value(e->read()).current.number, 0U);
  int done = 0;
  const auto count = [&done](auto what) -> asio::awaitable<void> {
    const auto result = co_await std::move(what);
    done += std::holds_alternative<engine_error>(result) ? 0 : 1;
  };
  asio::co_spawn(io, count(e->renew({})), asio::detached);
  asio::co_spawn(io, count(e->read()), asio::detached);
  asio::co_spawn(io, count(e->propose(first_view_of(node))), asio::detached);
  io.restart();
  io.run();
  EXPECT_EQ(done, 3);
  EXPECT_EQ(value(e->read()).current, first_view_of(node));
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
