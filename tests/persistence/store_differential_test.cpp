// The same random calls must have the same results on every kind of store.
#include "postgres_server.hpp"
#include "records.hpp"
#ifdef LEASEBREAK_HAS_ROCKSDB
#include "rocksdb_site.hpp"
#endif
#include "store_site.hpp"

#include <leasebreak/persistence/record_json.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <sstream>
#include <vector>

namespace leasebreak::test {
namespace {

// Returns the complete result of a call as text.
std::string text_of(const store_status& status) {
  return status.code.message();
}

template <class T>
std::string text_of(const store_result<T>& result) {
  std::ostringstream text;
  text << text_of(result.status) << " | ";
  if constexpr (std::is_same_v<T, lock_listing>) {
    for (const auto& record : result.value.records)
      text << to_json(record) << '\n';
    text << result.value.malformed.size() << " malformed";
  } else if constexpr (std::is_same_v<T, persisted_lock>) {
    text << to_json(result.value);
  } else {
    text << result.value;
  }
  return text.str();
}

using call = std::function<std::string(lock_store&)>;

struct named_call {
  std::string name;
  call run;
};

std::string random_id(random_source& random) {
  return "id" + std::to_string(below(random, 40));
}

// Returns a record that is occasionally one that stores must reject.
persisted_lock maybe_bad_record(random_source& random) {
  auto record = random_record(random, random_id(random));
  if (below(random, 20) == 0)
    record.file_id.clear();
  return record;
}

std::vector<record_change> random_batch(random_source& random) {
  std::vector<record_change> changes(below(random, 12));
  for (auto& change : changes) {
    change.id = random_id(random);
    if (below(random, 3) != 0)
      change.put = random_record(random, change.id);
  }
  if (below(random, 20) == 0)
    changes.push_back({"id1", maybe_bad_record(random)});
  return changes;
}

lock_query random_query(random_source& random) {
  lock_query query;
  if (below(random, 2) == 0)
    query.file_id = random_file(random);
  if (below(random, 3) == 0)
    query.owner_id = random_owner(random);
  if (below(random, 3) == 0)
    query.client_id = random_client(random);
  if (below(random, 3) == 0)
    query.is_lease = below(random, 2) == 0;
  return query;
}

named_call random_change(random_source& random) {
  switch (below(random, 7)) {
  case 0:
  case 1:
    return {"put", [r = maybe_bad_record(random)](lock_store& s) { return text_of(s.put(r)); }};
  case 2:
    return {"erase", [id = random_id(random)](lock_store& s) { return text_of(s.erase(id)); }};
  case 3:
    return {"erase_by_client",
      [id = random_client(random)](lock_store& s) { return text_of(s.erase_by_client(id)); }};
  case 4:
    return {"erase_by_file",
      [id = random_file(random)](lock_store& s) { return text_of(s.erase_by_file(id)); }};
  default:
    return {"apply", [c = random_batch(random)](lock_store& s) { return text_of(s.apply(c)); }};
  }
}

named_call random_call(random_source& random) {
  switch (below(random, 10)) {
  case 0:
    return {"get", [id = random_id(random)](lock_store& s) { return text_of(s.get(id)); }};
  case 1:
  case 2:
    return {"list", [q = random_query(random)](lock_store& s) { return text_of(s.list(q)); }};
  case 3:
    return {"reclaim",
      [file = random_file(random), key = key_of(static_cast<std::uint8_t>(below(random, 5))),
        client = random_client(random)](
        lock_store& s) { return text_of(s.reclaim(file, key, client)); }};
  case 4:
    if (below(random, 2) == 0)
      return {"increment_server_epoch",
        [](lock_store& s) { return text_of(s.increment_server_epoch()); }};
    return {"server_epoch", [](lock_store& s) { return text_of(s.server_epoch()); }};
  case 5:
    if (below(random, 2) == 0)
      return {"set_clean_shutdown", [clean = below(random, 2) == 0](lock_store& s) {
                return text_of(s.set_clean_shutdown(clean));
              }};
    return {"clean_shutdown", [](lock_store& s) { return text_of(s.clean_shutdown()); }};
  default:
    return random_change(random);
  }
}

TEST(StoreDifferential, SameRandomCallsHaveTheSameResultsOnAllStores) {
  random_source random(test_seed());
  std::vector<store_kind> kinds{memory_kind(), postgres_kind()};
#ifdef LEASEBREAK_HAS_ROCKSDB
  kinds.push_back(rocksdb_kind());
#endif
  std::vector<std::unique_ptr<store_site>> sites;
  std::vector<std::unique_ptr<lock_store>> stores;
  for (const auto& kind : kinds) {
    sites.push_back(kind.make());
    stores.push_back(sites.back()->open());
  }

  for (int step = 0; step < 2500; ++step) {
    const auto next = random_call(random);
    const auto expected = next.run(*stores[0]);
    for (std::size_t i = 1; i < stores.size(); ++i) {
      ASSERT_EQ(next.run(*stores[i]), expected)
        << "step " << step << ": " << next.name << " on " << kinds[i].name;
      // Stores that outlive their user must return the same to the next one.
      if (step % 500 == 499) {
        stores[i]->close();
        stores[i] = sites[i]->open();
      }
    }
  }
  for (std::size_t i = 1; i < stores.size(); ++i)
    EXPECT_EQ(text_of(stores[i]->list({})), text_of(stores[0]->list({}))) << kinds[i].name;
}

} // namespace
} // namespace leasebreak::test
