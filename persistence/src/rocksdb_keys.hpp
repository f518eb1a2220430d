// The keys of the RocksDB store (docs/storage-format.md): what sorts where, and why no id can pass
// for another key.
#pragma once

#include <leasebreak/model/persisted_lock.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace leasebreak::detail {

/// The first byte of a key says which table it belongs to.
enum class table : char { lock = 'l', by_file = 'f', by_owner = 'o', by_client = 'c', meta = 'm' };

/// What no writer before it can read.
inline constexpr std::uint64_t rocksdb_format = 1;

inline constexpr std::string_view version_key = "mversion";
inline constexpr std::string_view epoch_key = "mepoch";
inline constexpr std::string_view clean_key = "mclean";

/// The key of a record: the table, then the id, which ends the key.
[[nodiscard]] std::string lock_key(std::string_view id);

/// What all index rows for `value` start with and no others do: the table, the value's length in
/// four bytes, big-endian, and the value. The id follows.
[[nodiscard]] std::string index_prefix(table index, std::string_view value);

/// The index rows of a record.
[[nodiscard]] std::array<std::string, 3> index_keys(const persisted_lock& record);

/// The first key after all that start with `prefix`, which does not consist of 0xff alone.
[[nodiscard]] std::string after_prefix(std::string prefix);

/// The part of a record's JSON that holds all that the index rows are made of. If two records'
/// parts are equal, so are their rows.
[[nodiscard]] std::string_view indexed_part(std::string_view json);

} // namespace leasebreak::detail
