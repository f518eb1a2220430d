// Records for tests: simple ones to start from, and random ones of every shape.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <cstdint>
#include <random>
#include <string>

namespace leasebreak::test {

using random_source = std::mt19937_64;

/// The seed of a random test: LEASEBREAK_SEED, or a new one. Prints "seed=...".
[[nodiscard]] std::uint64_t test_seed();

/// A valid lease, RWH, of the client "client-1" on the file "file-1".
[[nodiscard]] persisted_lock lease_record(std::string id);

/// A valid exclusive byte-range lock of the client "client-1" on the file "file-1".
[[nodiscard]] persisted_lock range_record(std::string id);

/// A valid persistent open of the client "client-1" on the file "file-1", every field of an open
/// set to something that is not its default.
[[nodiscard]] persisted_lock open_record(std::string id);

/// A record of a lease with every field set to something that is not its default.
[[nodiscard]] persisted_lock full_record(std::string id);

/// A key whose bytes are all `fill`.
[[nodiscard]] lease_key key_of(std::uint8_t fill);

/// Up to `bytes_max` bytes of any value.
[[nodiscard]] std::string random_bytes(random_source& random, std::size_t bytes_max);

/// A valid record with this id, every field random; file, owner and client from a few.
[[nodiscard]] persisted_lock random_record(random_source& random, std::string id);

/// One of a few files, some of them hard to encode.
[[nodiscard]] std::string random_file(random_source& random);
[[nodiscard]] std::string random_owner(random_source& random);
[[nodiscard]] std::string random_client(random_source& random);

/// Queries with one condition, or several.
[[nodiscard]] lock_query query_of(
  std::string file_id, std::string owner_id = {}, std::string client_id = {});
[[nodiscard]] lock_query by_file(std::string file_id);
[[nodiscard]] lock_query by_owner(std::string owner_id);
[[nodiscard]] lock_query by_client(std::string client_id);
[[nodiscard]] lock_query by_share(std::string share_name);

/// A number below `end`.
[[nodiscard]] std::uint64_t below(random_source& random, std::uint64_t end);

} // namespace leasebreak::test

namespace leasebreak {

/// So that GoogleTest prints records as JSON.
void PrintTo(const persisted_lock& record, std::ostream* out);
void PrintTo(const record_error& error, std::ostream* out);
void PrintTo(const store_status& status, std::ostream* out);

} // namespace leasebreak
