// The keys of the RocksDB store (docs/storage-format.md): their order, and why no id can imitate
// another key.
#pragma once

#include <leasebreak/model/persisted_lock.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// The first byte of a key, which identifies its table.
enum class table : char { lock = 'l', by_file = 'f', by_owner = 'o', by_client = 'c', meta = 'm' };

/// The format version. Older writers cannot read a newer format.
inline constexpr std::uint64_t rocksdb_format = 1;

inline constexpr std::string_view version_key = "mversion";
inline constexpr std::string_view epoch_key = "mepoch";
inline constexpr std::string_view clean_key = "mclean";

/// Returns the key of a record: the table, then the id up to the end of the key.
[[nodiscard]] std::string lock_key(std::string_view id);

/// Returns the prefix of all index rows for `value`, which no other rows have: the table, the
/// value's length in four bytes, big-endian, and the value. The id follows.
[[nodiscard]] std::string index_prefix(table index, std::string_view value);

/// Returns the index rows of a record.
[[nodiscard]] std::array<std::string, 3> index_keys(const persisted_lock& record);

/// Returns the first key after all keys that start with `prefix`, which must not consist of 0xff
/// alone.
[[nodiscard]] std::string after_prefix(std::string prefix);

/// Returns the part of a record's JSON text that contains everything from which index rows are
/// made. Equal parts imply equal rows.
[[nodiscard]] std::string_view indexed_part(std::string_view json);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
