// Opening stores by URI.
#include <leasebreak/persistence/store_uri.hpp>

#include "records.hpp"
#include "store_site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace leasebreak::test {
namespace {

TEST(StoreUri, OpensTheMemoryStore) {
  auto opened = open_store("memory");

  ASSERT_TRUE(opened.ok()) << opened.status.detail;
  EXPECT_EQ(opened.value->description(), "memory");
}

TEST(StoreUri, RefusesADurableMemoryStore) {
  const auto opened = open_store("memory", {.durable = true});

  EXPECT_EQ(opened.status.code, errc::invalid_argument);
  EXPECT_THAT(opened.status.detail, testing::HasSubstr("durable"));
  EXPECT_EQ(opened.value, nullptr);
}

TEST(StoreUri, RefusesWhatItDoesNotKnow) {
  for (const auto* uri :
    {"", "Memory", "memory:", "rocks", "redis://secret@host", "rocksdb:", "postgres:"}) {
    const auto opened = open_store(uri);

    EXPECT_EQ(opened.status.code, errc::invalid_argument) << uri;
    EXPECT_FALSE(opened.status.detail.empty()) << uri;
    EXPECT_THAT(opened.status.detail, testing::Not(testing::HasSubstr("secret")));
    EXPECT_EQ(opened.value, nullptr);
  }
}

#ifdef LEASEBREAK_HAS_ROCKSDB
TEST(StoreUri, OpensRocksDbInADirectory) {
  const temporary_directory directory;
  const auto uri = "rocksdb:" + directory.path() + "/a:b c";
  {
    auto opened = open_store(uri, {.durable = true});
    ASSERT_TRUE(opened.ok()) << opened.status.detail;
    EXPECT_EQ(opened.value->description(), uri);
    ASSERT_TRUE(opened.value->put(lease_record("id")).ok());
  }

  EXPECT_TRUE(open_store(uri).value->get("id").ok());
}
#else
TEST(StoreUri, SaysThatThisBuildHasNoRocksDb) {
  EXPECT_THAT(open_store("rocksdb:/x").status.detail, testing::HasSubstr("no RocksDB"));
}
#endif

#ifdef LEASEBREAK_HAS_POSTGRES
TEST(StoreUri, TakesAllFormsOfPostgresConnections) {
  // Nothing listens there, so that the store fails rather than its URI.
  for (const auto* uri :
    {"postgres:host=/nonexistent dbname=x", "postgres:postgresql://u:p@/d?host=/nonexistent",
      "postgres://u:p@/d?host=/nonexistent", "postgresql://u:p@/d?host=/nonexistent"})
    EXPECT_EQ(open_store(uri).status.code, errc::store_unavailable) << uri;
}
#else
TEST(StoreUri, SaysThatThisBuildHasNoPostgres) {
  EXPECT_THAT(open_store("postgres:host=x").status.detail, testing::HasSubstr("no PostgreSQL"));
}
#endif

} // namespace
} // namespace leasebreak::test
