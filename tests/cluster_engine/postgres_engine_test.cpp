// PostgreSQL as the engine, with a real server.
#include "engine_contract.hpp"
#include "engine_runner.hpp"
#include "persistence/postgres_server.hpp"

#include <leasebreak/cluster/postgres_engine.hpp>

#include <gtest/gtest.h>

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using namespace std::chrono_literals;
using cluster_engine_test::first_view_of;
using test::postgres_server;
using test::shared_postgres;
namespace asio = boost::asio;

class PostgresEngines : public testing::Test, protected cluster_engine_test::engine_runner {
protected:
  PostgresEngines() {
    static int count = 0;
    schema = "engine_" + std::to_string(++count);
    shared_postgres().sql("CREATE SCHEMA " + schema);
    settings = settings_for(shared_postgres());
  }

  [[nodiscard]] postgres_engine_settings settings_for(const postgres_server& server) const {
    return {server.connection(schema), "files", 5s, 10s}; // the machine may be busy
  }
  std::unique_ptr<engine> make() { return make_postgres_engine(io.get_executor(), settings); }
  /// Executes SQL in the schema of the test.
  std::string sql(const std::string& statement) const {
    return shared_postgres().sql(statement, schema);
  }

  std::string schema;
  postgres_engine_settings settings;
};

TEST_F(PostgresEngines, CreateTheTablesTogether) {
  const auto first = make();
  const auto second = make();
  int started = 0;
  const auto start = [&](engine& e) -> asio::awaitable<void> {
    started += std::holds_alternative<node_id>(co_await e.start_run()) ? 1 : 0;
  };
  asio::co_spawn(io, start(*first), asio::detached);
  asio::co_spawn(io, start(*second), asio::detached);
  io.run();
  EXPECT_EQ(started, 2);
  EXPECT_EQ(sql("SELECT last_node FROM leasebreak_cluster"), "2");
}

// A user with more rights may have created them.
TEST_F(PostgresEngines, NeedNoRightToCreateTablesThatExist) {
  EXPECT_EQ(value(make()->start_run()), node_id{1});
  sql("CREATE ROLE smb_" + schema + " LOGIN");
  sql("GRANT USAGE ON SCHEMA " + schema + " TO smb_" + schema);
  settings.connection += " user=smb_" + schema;
  EXPECT_EQ(problem(make()->start_run()).problem, engine_problem::refused);
  sql(
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + schema + " TO smb_" + schema);
  const auto e = make();
  EXPECT_EQ(value(e->start_run()), node_id{2});
  EXPECT_TRUE(value(e->renew({})));
  EXPECT_EQ(value(e->read()).living.size(), 1U);
  EXPECT_TRUE(value(e->propose(first_view_of(node_id{2}))));
}

TEST_F(PostgresEngines, NameWhatSomebodyHasEdited) {
  const auto e = make();
  const auto node = value(e->start_run());
  EXPECT_TRUE(value(e->renew({})));
  sql("UPDATE leasebreak_cluster SET view_number = 3, view = 'hello'");
  const auto failed = problem(e->read());
  EXPECT_EQ(failed.problem, engine_problem::damaged);
  EXPECT_EQ(failed.what,
    "the tables of the cluster files in PostgreSQL are damaged: the view: not a view of this "
    "version near byte 0. Stop all nodes, execute UPDATE leasebreak_cluster SET view_number = 0, "
    "view = NULL WHERE name = 'files', and start them again.");
  sql("UPDATE leasebreak_cluster SET view_number = 0, view = NULL WHERE name = 'files'");
  EXPECT_EQ(value(e->read()).current.number, 0U);
  EXPECT_TRUE(value(e->propose(first_view_of(node))));
  sql("UPDATE leasebreak_cluster SET view_number = 9");
  EXPECT_EQ(problem(make()->read()).problem, engine_problem::damaged);
  sql("UPDATE leasebreak_cluster SET view_number = 1");
  for (const auto* const edit : {"suspected = 'x'", "node = -1", "renewed = -1"}) {
    sql(std::string("UPDATE leasebreak_cluster_node SET ") + edit);
    EXPECT_EQ(problem(make()->read()).problem, engine_problem::damaged) << edit;
    sql("UPDATE leasebreak_cluster_node SET suspected = '\\x00', node = 1, renewed = 1");
    EXPECT_EQ(value(make()->read()).living.size(), 1U) << edit;
  }
  sql("UPDATE leasebreak_cluster SET last_node = -7");
  EXPECT_EQ(problem(make()->start_run()).problem, engine_problem::damaged);
  sql("DROP TABLE leasebreak_cluster_node");
  const auto dropped = problem(e->read());
  EXPECT_EQ(dropped.problem, engine_problem::damaged) << dropped.what;
}

TEST_F(PostgresEngines, EndWithTheLastNumber) {
  EXPECT_EQ(value(make()->start_run()), node_id{1});
  sql("UPDATE leasebreak_cluster SET last_node = " + std::to_string(node_number_max));
  EXPECT_EQ(problem(make()->start_run()).problem, engine_problem::exhausted);
}

// Others see that its number changes, whenever they look.
TEST_F(PostgresEngines, KeepALeaseThatIsRenewed) {
  settings.lease = 1s;
  const auto e = make();
  const auto node = value(e->start_run());
  EXPECT_TRUE(value(e->renew({})));
  const auto reader = make();
  for (int i = 0; i != 4; ++i) {
    EXPECT_TRUE(value(reader->read()).living.contains(node));
    pass(600ms);
    EXPECT_TRUE(value(e->renew({})));
  }
}

// A renewal that comes before the row is deleted, but after it was read.
TEST_F(PostgresEngines, DoNotEndALeaseThatIsRenewedMeanwhile) {
  settings.lease = 1s;
  const auto e = make();
  const auto node = value(e->start_run());
  EXPECT_TRUE(value(e->renew({})));
  sql("CREATE FUNCTION renew() RETURNS trigger AS $$ BEGIN RETURN NULL; END $$ LANGUAGE plpgsql");
  sql("CREATE TRIGGER renew BEFORE DELETE ON leasebreak_cluster_node FOR EACH ROW EXECUTE FUNCTION "
      "renew()"); // the row stays, as if its number had changed
  const auto reader = make();
  EXPECT_TRUE(value(reader->read()).living.contains(node));
  pass(1'100ms);
  EXPECT_TRUE(value(reader->read()).living.contains(node));
  EXPECT_TRUE(value(e->renew({})));
  sql("DROP TRIGGER renew ON leasebreak_cluster_node");
  EXPECT_TRUE(value(reader->read()).living.contains(node));
  pass(1'100ms);
  EXPECT_FALSE(value(reader->read()).living.contains(node));
  EXPECT_FALSE(value(e->renew({})));
}

TEST_F(PostgresEngines, GoOnWhenTheServerIsBack) {
  postgres_server own;
  own.sql("CREATE SCHEMA " + schema);
  settings = settings_for(own);
  const auto e = make();
  const auto node = value(e->start_run());
  EXPECT_TRUE(value(e->renew({})));
  own.stop();
  EXPECT_EQ(problem(e->read()).problem, engine_problem::unreachable);
  EXPECT_EQ(problem(e->renew({})).problem, engine_problem::unreachable);
  own.start();
  EXPECT_TRUE(value(e->read()).living.contains(node));
  EXPECT_TRUE(value(e->renew({})));
  own.stop(); // the connections that are kept have ended
  own.start();
  EXPECT_TRUE(value(e->renew({})));
}

TEST_F(PostgresEngines, DoNotWaitForAServerThatHangs) {
  postgres_server own;
  own.sql("CREATE SCHEMA " + schema);
  settings = settings_for(own);
  const auto started = make();
  static_cast<void>(value(started->start_run()));
  settings.timeout = 300ms;
  const auto fresh = make();
  own.freeze();
  const auto failed = problem(fresh->read());
  EXPECT_EQ(failed.problem, engine_problem::unreachable);
  EXPECT_EQ(failed.what, "PostgreSQL has not answered in 300 ms");
  own.thaw();
  settings.timeout = 10s;
  EXPECT_EQ(value(make()->start_run()), node_id{2});
}

TEST_F(PostgresEngines, DoNotUseAServerThatOnlyReads) {
  settings.connection =
    shared_postgres().connection(schema + " -cdefault_transaction_read_only=on");
  const auto at = settings.connection.find("options=");
  settings.connection.insert(at + 8, "'");
  settings.connection += "'";
  EXPECT_EQ(problem(make()->start_run()).problem, engine_problem::unreachable);
}

TEST_F(PostgresEngines, UseTheHostThatAnswers) {
  const auto own = settings.connection.substr(5, settings.connection.find(' ') - 5);
  const auto rest = settings.connection.substr(settings.connection.find(' '));
  settings.connection = "host=/nowhere,nowhere.invalid," + own + rest;
  EXPECT_EQ(value(make()->start_run()), node_id{1});
  settings.connection = "host=nowhere.invalid" + rest;
  const auto failed = problem(make()->start_run());
  EXPECT_EQ(failed.problem, engine_problem::unreachable);
  EXPECT_NE(failed.what.find("nowhere.invalid"), std::string::npos) << failed.what;
}

TEST(PostgresEngineSettings, AreChecked) {
  const postgres_engine_settings good{"postgresql://db/smb", "files-1", 5s, 1s};
  EXPECT_EQ(problem_of(good), "");
  const auto is_refused = [&](auto change) {
    auto s = good;
    change(s);
    return !problem_of(s).empty();
  };
  EXPECT_TRUE(is_refused([](auto& s) { s.connection = "postgresql://["; }));
  EXPECT_TRUE(is_refused([](auto& s) { s.connection = "host"; }));
  EXPECT_TRUE(is_refused([](auto& s) { s.connection = ""; }));
  EXPECT_TRUE(is_refused([](auto& s) { s.cluster = "a'b"; }));
  EXPECT_TRUE(is_refused([](auto& s) { s.lease = 0s; }));
  EXPECT_TRUE(is_refused([](auto& s) { s.timeout = 0s; }));
}

/// For the contract.
class contract_site final : public cluster_engine_test::engine_site {
public:
  contract_site() { shared_postgres().sql("CREATE SCHEMA contract"); }
  ~contract_site() override { shared_postgres().sql("DROP SCHEMA contract CASCADE"); }

  std::unique_ptr<engine> make(
    asio::any_io_executor on, const std::string& cluster, std::chrono::seconds lease) override {
    return make_postgres_engine(
      std::move(on), {shared_postgres().connection("contract"), cluster, lease, 10s});
  }
};

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

std::unique_ptr<leasebreak::cluster_engine_test::engine_site>
leasebreak::cluster_engine_test::start_engine_site() {
  return std::make_unique<cluster::contract_site>();
}
