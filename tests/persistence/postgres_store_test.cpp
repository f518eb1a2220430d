// Properties of the PostgreSQL store only: its schema, its errors, its connection.
#include <leasebreak/persistence/postgres_store.hpp>

#include "postgres_columns.hpp"
#include "postgres_schema.hpp"
#include "postgres_server.hpp"
#include "postgres_session.hpp"
#include "records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace leasebreak::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class PostgresStore : public testing::Test {
protected:
  std::unique_ptr<lock_store> open(const postgres_store_options& options = {}) {
    auto opened = open_postgres_store(site.connection(), options);
    EXPECT_TRUE(opened.ok()) << opened.status.detail;
    return std::move(opened.value);
  }

  store_status failure_to_open(const postgres_store_options& options = {}) {
    auto opened = open_postgres_store(site.connection(), options);
    EXPECT_EQ(opened.value, nullptr);
    return opened.status;
  }

  void make_store_with_a_record() { ASSERT_TRUE(open()->put(lease_record("id")).ok()); }

  // Short, so that a test can wait until an unresponsive server is detected. Calls that must
  // succeed with it use `in_the_end`, because a busy machine may be slower.
  static constexpr postgres_store_options impatient{
    .durable = false, .timeout = std::chrono::milliseconds{1000}};

  /// Ends the connections of all stores, and waits for that.
  void end_sessions() const {
    site.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
             "WHERE application_name = 'leasebreak'");
  }

  /// Returns the last result of `ask`: the first success, or the result after a minute.
  static store_status in_the_end(const std::function<store_status()>& ask) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    auto status = ask();
    // Locked: by its own last session, which the database server has not ended yet.
    while ((status.code == errc::store_unavailable || status.code == errc::store_locked) &&
      std::chrono::steady_clock::now() < give_up)
      status = ask();
    return status;
  }

  postgres_site site;
};

TEST_F(PostgresStore, MakesItsTablesWithAVersionRow) {
  make_store_with_a_record();

  EXPECT_EQ(site.sql("SELECT version FROM leasebreak_schema"), "4");
  EXPECT_EQ(site.sql("SELECT count(*) FROM leasebreak_locks"), "1");
  EXPECT_EQ(site.sql("SELECT epoch FROM leasebreak_server"), "0");
  EXPECT_EQ(site.sql("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() "
                     "AND tablename NOT LIKE 'leasebreak\\_%'"),
    "0");
}

TEST_F(PostgresStore, BringsAnOlderVersionUpToDateAndKeepsWhatIsThere) {
  for (const auto& statement : detail::postgres_migrations().front())
    site.sql(statement);
  site.sql("CREATE TABLE leasebreak_schema (version integer NOT NULL)");
  site.sql("INSERT INTO leasebreak_schema VALUES (1)");
  site.sql("UPDATE leasebreak_server SET epoch = 41");

  const auto store = open();

  EXPECT_EQ(store->increment_server_epoch().value, 42U);
  EXPECT_EQ(site.sql("SELECT version FROM leasebreak_schema"), "4");
  EXPECT_EQ(site.sql("SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema() "
                     "AND indexname LIKE 'leasebreak_locks_by_%'"),
    "3");
}

TEST_F(PostgresStore, RowsFromBeforePersistentOpensAreRecordsOfLocks) {
  for (std::size_t version = 0; version < 2; ++version)
    for (const auto& statement : detail::postgres_migrations()[version])
      site.sql(statement);
  site.sql("CREATE TABLE leasebreak_schema (version integer NOT NULL)");
  site.sql("INSERT INTO leasebreak_schema VALUES (2)");
  const auto record = lease_record("id");
  std::string names;
  std::string values;
  for (const auto& column : detail::postgres_columns()) {
    if (column.since > 2)
      continue;
    // The value as an element of an array, because the column writes it in that form.
    std::string value;
    column.append(value, record);
    names += (names.empty() ? "" : ",") + std::string{column.name};
    values += (values.empty() ? "" : ",") + std::string{"(CAST('{"} + value + "}' AS " +
      std::string{column.type} + "[]))[1]";
  }
  site.sql("INSERT INTO leasebreak_locks (" + names + ") VALUES (" + values + ")");

  const auto store = open();

  EXPECT_EQ(store->get("id").value, record);
  ASSERT_TRUE(store->put(open_record("id")).ok());
  EXPECT_EQ(store->get("id").value, open_record("id"));
}

TEST_F(PostgresStore, NewerVersionIsStoreVersion) {
  make_store_with_a_record();
  site.sql("UPDATE leasebreak_schema SET version = 99");

  const auto status = failure_to_open();

  EXPECT_EQ(status.code, errc::store_version);
  EXPECT_THAT(status.detail, HasSubstr("version 99"));
  EXPECT_EQ(site.sql("SELECT count(*) FROM leasebreak_locks"), "1");
}

TEST_F(PostgresStore, TablesThatAreNotAsTheyShouldBeAreStoreCorrupt) {
  make_store_with_a_record();
  site.sql("ALTER TABLE leasebreak_locks DROP COLUMN lease_key");
  EXPECT_EQ(failure_to_open().code, errc::store_corrupt);

  site.sql("UPDATE leasebreak_schema SET version = -1");
  EXPECT_EQ(failure_to_open().code, errc::store_corrupt);
}

TEST_F(PostgresStore, TablesThatVanishAreStoreCorrupt) {
  const auto store = open();
  site.sql("DELETE FROM leasebreak_server");
  EXPECT_EQ(store->server_epoch().status.code, errc::store_corrupt);
  EXPECT_EQ(store->increment_server_epoch().status.code, errc::store_corrupt);
  EXPECT_EQ(store->clean_shutdown().status.code, errc::store_corrupt);
  EXPECT_EQ(store->set_clean_shutdown(true).code, errc::store_corrupt);

  site.sql("DROP TABLE leasebreak_locks");
  EXPECT_EQ(store->put(lease_record("id")).code, errc::store_corrupt);
}

TEST_F(PostgresStore, OneBadRowDoesNotStopTheOthersFromLoading) {
  const auto store = open();
  for (const auto* id : {"a", "b", "c", "d"})
    ASSERT_TRUE(store->put(lease_record(id)).ok());
  site.sql("UPDATE leasebreak_locks SET lock_type = 300 WHERE id = 'a'");
  site.sql("UPDATE leasebreak_locks SET lease_key = 'short' WHERE id = 'b'");
  site.sql("UPDATE leasebreak_locks SET byte_offset = 18446744073709551616 WHERE id = 'd'");

  const auto listing = store->list({});

  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing.value.records, std::vector{lease_record("c")});
  EXPECT_THAT(listing.value.malformed,
    testing::ElementsAre(record_error{"a", "lock_type", "is out of range"},
      record_error{"b", "lease_key", "must have 16 bytes, has 5"},
      record_error{"d", "offset", "is out of range"}));
  EXPECT_EQ(store->get("a").status.code, errc::record_malformed);
  EXPECT_THAT(store->get("b").status.detail, HasSubstr("\"b\", field \"lease_key\""));
}

TEST_F(PostgresStore, SecondOpenIsStoreLocked) {
  const auto first = open();

  EXPECT_EQ(failure_to_open(impatient).code, errc::store_locked);

  EXPECT_TRUE(first->put(lease_record("id")).ok());
}

TEST_F(PostgresStore, StoresInOtherSchemasAreOthers) {
  const postgres_site other_site;
  const auto first = open();
  const auto second = open_postgres_store(other_site.connection());

  ASSERT_TRUE(second.ok()) << second.status.detail;
  ASSERT_TRUE(first->put(lease_record("id")).ok());
  EXPECT_TRUE(second.value->list({}).value.records.empty());
}

TEST_F(PostgresStore, TablesOfALaterSchemaOfTheSearchPathAreLeftAlone) {
  const postgres_site later_site;
  const auto later = open_postgres_store(later_site.connection());
  ASSERT_TRUE(later.ok()) << later.status.detail;
  ASSERT_TRUE(later.value->put(lease_record("id")).ok());

  const auto first =
    open_postgres_store(shared_postgres().connection(site.schema() + "," + later_site.schema()));

  ASSERT_TRUE(first.ok()) << first.status.detail;
  EXPECT_TRUE(first.value->list({}).value.records.empty());
  EXPECT_EQ(first.value->increment_server_epoch().value, 1U);
  EXPECT_EQ(later.value->server_epoch().value, 0U);
  EXPECT_EQ(site.sql("SELECT epoch FROM leasebreak_server"), "1");
}

TEST_F(PostgresStore, SchemaMayHaveAnyName) {
  const std::string name = R"("Odd,""Name")";
  site.sql("CREATE SCHEMA " + name);
  {
    const auto opened = open_postgres_store(shared_postgres().connection(name));
    ASSERT_TRUE(opened.ok()) << opened.status.detail;
    ASSERT_TRUE(opened.value->put(lease_record("id")).ok());
  }

  EXPECT_EQ(site.sql("SELECT count(*) FROM " + name + ".leasebreak_locks"), "1");
  site.sql("SET client_min_messages = warning; DROP SCHEMA " + name + " CASCADE");
}

TEST_F(PostgresStore, SearchPathWithoutASchemaIsStoreUnavailable) {
  const auto opened = open_postgres_store(shared_postgres().connection("nowhere"));

  EXPECT_EQ(opened.status.code, errc::store_unavailable);
  EXPECT_THAT(opened.status.detail, HasSubstr("the search path has no existing schema"));
}

TEST_F(PostgresStore, ConnectionLostWhileIdleIsReplacedUnnoticed) {
  const auto store = open();
  ASSERT_TRUE(store->put(lease_record("id")).ok());
  end_sessions();

  EXPECT_EQ(store->increment_server_epoch().value, 1U);
  EXPECT_TRUE(store->get("id").ok());
}

// Its records are older than those of the other one.
TEST_F(PostgresStore, StoreThatAnotherHasUsedMeanwhileIsNotTakenBack) {
  const auto first = open();
  ASSERT_EQ(first->increment_server_epoch().value, 1U);
  end_sessions();
  const auto second = open();
  ASSERT_EQ(second->increment_server_epoch().value, 2U);
  end_sessions();

  const auto status = first->put(lease_record("stale"));

  EXPECT_EQ(status.code, errc::store_locked);
  EXPECT_THAT(status.detail, HasSubstr("epoch 2"));
  EXPECT_TRUE(second->put(lease_record("id")).ok());
  second->close();
  EXPECT_EQ(first->put(lease_record("stale")).code, errc::store_locked) << "it is lost for good";
  EXPECT_EQ(first->increment_server_epoch().status.code, errc::store_locked);
  EXPECT_EQ(open()->list({}).value.records, std::vector{lease_record("id")});
}

TEST_F(PostgresStore, StoreThatAnotherHasUsedWhileItWasBeingReadIsNotTakenBack) {
  const auto first = open();
  ASSERT_EQ(first->server_epoch().value, 0U);
  end_sessions();
  ASSERT_EQ(open()->increment_server_epoch().value, 1U);

  EXPECT_EQ(first->increment_server_epoch().status.code, errc::store_locked);
}

TEST_F(PostgresStore, EpochThatWasRaisedWithoutAnAnswerIsNotAnothers) {
  const auto store = open(impatient);
  ASSERT_TRUE(in_the_end([&] { return store->increment_server_epoch().status; }).ok());
  const std::unique_ptr<PGconn, void (*)(PGconn*)> other(
    PQconnectdb(site.connection().c_str()), PQfinish);
  PQclear(PQexec(other.get(), "BEGIN; LOCK TABLE leasebreak_server IN ACCESS EXCLUSIVE MODE"));
  ASSERT_EQ(store->increment_server_epoch().status.code, errc::store_unavailable);
  // As if the server had executed it, and only the response had been lost.
  PQclear(PQexec(other.get(), "UPDATE leasebreak_server SET epoch = epoch + 1; COMMIT"));

  EXPECT_TRUE(in_the_end([&] { return store->increment_server_epoch().status; }).ok());
  EXPECT_TRUE(in_the_end([&] { return store->put(lease_record("id")); }).ok());
}

TEST_F(PostgresStore, ReconnectsAfterTheServerWasStoppedAndStarted) {
  const auto store = open();
  ASSERT_EQ(store->increment_server_epoch().value, 1U);
  ASSERT_TRUE(store->put(lease_record("id")).ok());
  shared_postgres().stop();

  EXPECT_EQ(store->put(lease_record("lost")).code, errc::store_unavailable);
  EXPECT_EQ(store->list({}).status.code, errc::store_unavailable);
  EXPECT_EQ(failure_to_open().code, errc::store_unavailable);
  shared_postgres().start();

  EXPECT_TRUE(store->put(lease_record("more")).ok());
  EXPECT_EQ(store->list({}).value.records, (std::vector{lease_record("id"), lease_record("more")}));
}

TEST_F(PostgresStore, ServerThatHangsIsStoreUnavailableUntilItGoesOn) {
  const auto store = open(impatient);
  ASSERT_TRUE(store->put(lease_record("id")).ok());
  shared_postgres().freeze();

  EXPECT_EQ(store->get("id").status.code, errc::store_unavailable);
  EXPECT_EQ(store->get("id").status.code, errc::store_unavailable);
  shared_postgres().thaw();

  store_result<persisted_lock> found;
  EXPECT_TRUE(in_the_end([&] { return (found = store->get("id")).status; }).ok());
  EXPECT_EQ(found.value, lease_record("id"));
}

TEST_F(PostgresStore, BatchLargerThanAllBuffersDoesNotHangOnAServerThatDoesNotRead) {
  const auto store = open(impatient);
  std::vector<record_change> changes;
  for (int i = 0; i < 100; ++i) {
    auto record = lease_record("id" + std::to_string(i));
    record.share_name = std::string(50'000, 'x');
    changes.push_back({record.id, record});
  }
  shared_postgres().freeze();

  EXPECT_EQ(store->apply(changes).code, errc::store_unavailable);
  shared_postgres().thaw();

  // All of it may take longer than the timeout of this store on a busy machine.
  const std::vector<record_change> one(changes.begin(), changes.begin() + 1);
  const store_status applied = in_the_end([&] { return store->apply(one); });
  EXPECT_TRUE(applied.ok()) << applied.detail;
  store_result<persisted_lock> found;
  EXPECT_TRUE(in_the_end([&] { return (found = store->get("id0")).status; }).ok());
  EXPECT_EQ(found.value, one.front().put);
}

TEST_F(PostgresStore, StatementThatWaitsForALockIsCancelled) {
  const auto store = open(impatient);
  const std::unique_ptr<PGconn, void (*)(PGconn*)> other(
    PQconnectdb(site.connection().c_str()), PQfinish);
  PQclear(PQexec(other.get(), "BEGIN; LOCK TABLE leasebreak_locks IN ACCESS EXCLUSIVE MODE"));

  EXPECT_EQ(store->put(lease_record("id")).code, errc::store_unavailable);
  PQclear(PQexec(other.get(), "COMMIT"));

  store_result<lock_listing> found;
  EXPECT_TRUE(in_the_end([&] { return (found = store->list({})).status; }).ok());
  EXPECT_TRUE(found.value.records.empty());
  EXPECT_TRUE(in_the_end([&] { return store->put(lease_record("id")); }).ok());
}

TEST_F(PostgresStore, ServerThatIsNotThereIsStoreUnavailable) {
  const auto opened = open_postgres_store("host=/nonexistent dbname=x");

  EXPECT_EQ(opened.status.code, errc::store_unavailable);
  EXPECT_THAT(opened.status.detail, HasSubstr("/nonexistent"));
}

TEST_F(PostgresStore, DatabaseThatIsNotThereIsStoreUnavailable) {
  const auto opened = open_postgres_store(site.connection() + " dbname=nowhere");

  EXPECT_EQ(opened.status.code, errc::store_unavailable);
  EXPECT_THAT(opened.status.detail, HasSubstr("nowhere"));
}

TEST_F(PostgresStore, PasswordsAreNeverShown) {
  const auto failed =
    open_postgres_store("postgresql://me:s3cr%65t@/nowhere?host=/nonexistent&port=7");
  EXPECT_THAT(failed.status.detail, HasSubstr("postgres:me@/nonexistent:7/nowhere"));
  EXPECT_THAT(failed.status.detail, Not(HasSubstr("s3cr")));

  const auto opened = open_postgres_store(site.connection() + " password=s3cret");
  ASSERT_TRUE(opened.ok()) << opened.status.detail;
  EXPECT_THAT(opened.value->description(), HasSubstr("postgres:postgres@"));
  EXPECT_THAT(opened.value->description(), Not(HasSubstr("s3cret")));
}

TEST_F(PostgresStore, ConnectionStringThatIsNoneIsRefusedWithoutRepeatingIt) {
  for (const auto* text :
    {"password=s3cret nonsense", "s3cret", "postgresql://me:s3cret@[host/x", "unknown=s3cret"}) {
    const auto opened = open_postgres_store(text);

    EXPECT_EQ(opened.status.code, errc::invalid_argument) << text;
    EXPECT_THAT(opened.status.detail, Not(HasSubstr("s3cret")));
  }
}

TEST_F(PostgresStore, ABatchIsOneStatement) {
  // The server's own list of statements tells what arrived.
  auto connection = site.connection();
  const std::string option = "options=";
  connection.replace(connection.find(option), std::string::npos,
    "options='-csearch_path=" + site.schema() + " -clog_statement=all'");
  const auto opened = open_postgres_store(connection);
  ASSERT_TRUE(opened.ok()) << opened.status.detail;
  std::vector<record_change> changes{{"gone", {}}};
  for (int i = 0; i < 500; ++i) {
    const auto record = lease_record("id" + std::to_string(i));
    changes.push_back({record.id, record});
  }
  const auto before = shared_postgres().logged("statement: ");

  ASSERT_TRUE(opened.value->apply(changes).ok());

  EXPECT_EQ(shared_postgres().logged("statement: ") - before, 1U);
}

// A sort would be part of the first statement, whose time is limited.
TEST_F(PostgresStore, FullListingIsNotSortedByTheServer) {
  auto connection = site.connection();
  const std::string option = "options=";
  // The log contains sorts then.
  connection.replace(connection.find(option), std::string::npos,
    "options='-csearch_path=" + site.schema() + " -ctrace_sort=on'");
  const auto opened = open_postgres_store(connection);
  ASSERT_TRUE(opened.ok()) << opened.status.detail;
  std::vector<record_change> changes;
  std::vector<persisted_lock> records;
  for (int i = 600; i > 0; --i) {
    records.push_back(lease_record("id" + std::to_string(100'000 + i)));
    changes.push_back({records.back().id, records.back()});
  }
  ASSERT_TRUE(opened.value->apply(changes).ok());
  site.sql("UPDATE leasebreak_locks SET lock_type = 300 WHERE id IN ('id100007', 'id100599')");
  const auto before = shared_postgres().logged("begin tuple sort");

  const auto listing = opened.value->list({});

  ASSERT_TRUE(listing.ok()) << listing.status.detail;
  EXPECT_EQ(shared_postgres().logged("begin tuple sort") - before, 0U);
  std::reverse(records.begin(), records.end());
  std::erase_if(records, [](const auto& r) { return r.id == "id100007" || r.id == "id100599"; });
  EXPECT_TRUE(listing.value.records == records);
  ASSERT_EQ(listing.value.malformed.size(), 2U);
  EXPECT_EQ(listing.value.malformed[0].record, "id100007");
  EXPECT_EQ(listing.value.malformed[1].record, "id100599");
}

TEST_F(PostgresStore, QueriesByFileOwnerAndClientUseTheIndexes) {
  const auto store = open();
  std::vector<record_change> changes;
  for (int i = 0; i < 2000; ++i) {
    const auto number = std::to_string(i);
    auto record = lease_record("id" + number);
    record.file_id = "file" + number;
    record.owner_id = "owner" + number;
    record.client_id = "client" + number;
    changes.push_back({record.id, record});
  }
  ASSERT_TRUE(store->apply(changes).ok());
  site.sql("ANALYZE leasebreak_locks");

  for (const std::string column : {"file_id", "owner_id", "client_id"}) {
    const auto plan =
      site.sql("EXPLAIN (FORMAT JSON) SELECT * FROM leasebreak_locks WHERE sha256(" + column +
        ") = sha256('\\x61') LIMIT 5000");

    EXPECT_THAT(plan, HasSubstr("Index Scan"));
    EXPECT_THAT(plan, Not(HasSubstr("Seq Scan")));
  }
}

// Process numbers are reused.
class PostgresSession : public PostgresStore {
protected:
  /// Returns the session that has locked the store of a site.
  static detail::server_session holder(const postgres_site& of) {
    const std::string from = " FROM pg_locks JOIN pg_stat_activity USING (pid) "
                             "WHERE locktype = 'advisory' AND objid = "
                             "(hashtext(current_schema())::bigint & 4294967295)::oid";
    return {std::stoi(of.sql("SELECT pid" + from)),
      of.sql("SELECT extract(epoch FROM backend_start)" + from)};
  }
};

TEST_F(PostgresSession, EndsTheOneThatItReplaces) {
  const auto store = open();

  detail::postgres_session session(site.connection(), {}, holder(site));

  EXPECT_EQ(holder(site).process, session.self().process);
  EXPECT_EQ(holder(site).started, session.self().started);
}

TEST_F(PostgresSession, LeavesASessionOfAnotherStoreInTheSameProcessAlone) {
  const postgres_site other_site;
  const auto other = open_postgres_store(other_site.connection());
  ASSERT_TRUE(other.ok()) << other.status.detail;
  const auto before = holder(other_site);

  detail::postgres_session session(site.connection(), {}, before);

  ASSERT_TRUE(other.value->put(lease_record("id")).ok());
  EXPECT_EQ(holder(other_site).process, before.process);
}

TEST_F(PostgresSession, LeavesASessionOfALaterProcessOfThatNumberAlone) {
  const auto store = open();
  const auto before = holder(site);

  EXPECT_THROW(
    detail::postgres_session(site.connection(), impatient, {before.process, "1700000000.000001"}),
    detail::postgres_error);

  ASSERT_TRUE(store->put(lease_record("id")).ok());
  EXPECT_EQ(holder(site).process, before.process);
}

TEST(PostgresErrors, EachKindHasItsOwnCode) {
  using detail::postgres_errc;
  EXPECT_EQ(postgres_errc("53100"), errc::store_full); // disk_full
  EXPECT_EQ(postgres_errc("53200"), errc::store_unavailable); // out_of_memory
  EXPECT_EQ(postgres_errc("57014"), errc::store_unavailable); // query_canceled
  EXPECT_EQ(postgres_errc("57P01"), errc::store_unavailable); // admin_shutdown
  EXPECT_EQ(postgres_errc("40001"), errc::store_unavailable); // serialization_failure
  EXPECT_EQ(postgres_errc("25006"), errc::store_unavailable); // read_only_sql_transaction
  EXPECT_EQ(postgres_errc("42501"), errc::store_unavailable); // insufficient_privilege
  EXPECT_EQ(postgres_errc("42P01"), errc::store_corrupt); // undefined_table
  EXPECT_EQ(postgres_errc("XX001"), errc::store_corrupt); // data_corrupted
  EXPECT_EQ(postgres_errc("23514"), errc::store_corrupt); // check_violation
  EXPECT_EQ(postgres_errc(""), errc::store_unavailable);
}

} // namespace
} // namespace leasebreak::test
