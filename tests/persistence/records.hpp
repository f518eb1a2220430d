// Records for tests: simple ones and random ones of every form.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <cstdint>
#include <random>
#include <string>

namespace leasebreak::test {

using random_source = std::mt19937_64;

/// Returns the seed of a random test: LEASEBREAK_SEED, or a new one. Prints "seed=...".
[[nodiscard]] std::uint64_t test_seed();

/// Returns a valid lease, RWH, of the client "client-1" on the file "file-1".
[[nodiscard]] persisted_lock lease_record(std::string id);

/// Returns a valid exclusive byte-range lock of the client "client-1" on the file "file-1".
[[nodiscard]] persisted_lock range_record(std::string id);

/// Returns a valid persistent open of the client "client-1" on the file "file-1", with a
/// non-default value in every field of an open.
[[nodiscard]] persisted_lock open_record(std::string id);

/// Returns a record of a lease with a non-default value in every field.
[[nodiscard]] persisted_lock full_record(std::string id);

/// Returns a key whose bytes are all `fill`.
[[nodiscard]] lease_key key_of(std::uint8_t fill);

/// Returns up to `bytes_max` random bytes.
[[nodiscard]] std::string random_bytes(random_source& random, std::size_t bytes_max);

/// Returns a valid record with this id and random fields; file, owner and client are from a few.
[[nodiscard]] persisted_lock random_record(random_source& random, std::string id);

/// Return one of a few values, some of which are hard to encode.
[[nodiscard]] std::string random_file(random_source& random);
[[nodiscard]] std::string random_owner(random_source& random);
[[nodiscard]] std::string random_client(random_source& random);

/// Return queries with one or several conditions.
[[nodiscard]] lock_query query_of(
  std::string file_id, std::string owner_id = {}, std::string client_id = {});
[[nodiscard]] lock_query by_file(std::string file_id);
[[nodiscard]] lock_query by_owner(std::string owner_id);
[[nodiscard]] lock_query by_client(std::string client_id);
[[nodiscard]] lock_query by_share(std::string share_name);

/// Returns a number below `end`.
[[nodiscard]] std::uint64_t below(random_source& random, std::uint64_t end);

} // namespace leasebreak::test

namespace leasebreak {

/// Make GoogleTest print records as JSON.
void PrintTo(const persisted_lock& record, std::ostream* out);
void PrintTo(const record_error& error, std::ostream* out);
void PrintTo(const store_status& status, std::ostream* out);

} // namespace leasebreak
