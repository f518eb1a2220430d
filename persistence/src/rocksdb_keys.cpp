#include "rocksdb_keys.hpp"

#include <cstddef>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

std::string lock_key(std::string_view id) {
  std::string key(1, static_cast<char>(table::lock));
  key += id;
  return key;
}

std::string index_prefix(table index, std::string_view value) {
  std::string key;
  key.reserve(5 + value.size() + 64);
  key.push_back(static_cast<char>(index));
  for (int shift = 24; shift >= 0; shift -= 8)
    key.push_back(static_cast<char>((value.size() >> shift) & 0xff));
  key += value;
  return key;
}

std::array<std::string, 3> index_keys(const persisted_lock& record) {
  return {index_prefix(table::by_file, record.file_id) + record.id,
    index_prefix(table::by_owner, record.owner_id) + record.id,
    index_prefix(table::by_client, record.client_id) + record.id};
}

std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff)
    prefix.pop_back();
  if (!prefix.empty())
    prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

std::string_view indexed_part(std::string_view json) {
  // Quotes within strings are escaped, so that this can only be the name of the field.
  const auto end = json.find("\"lock_type\":");
  return json.substr(0, end == std::string_view::npos ? json.size() : end);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
