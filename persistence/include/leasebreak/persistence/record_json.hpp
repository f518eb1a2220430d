// The JSON form of a record: DittoFS's field names and encodings. docs/storage-format.md has every
// field.
#pragma once

#include <leasebreak/model/persisted_lock.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace leasebreak {

/// A longer text is no record.
inline constexpr std::size_t record_json_bytes_max = 1024 * 1024;

/// A record that was read, or why it could not be.
struct [[nodiscard]] parsed_record {
  std::optional<persisted_lock> record;
  record_error error; ///< Only if there is no record.

  [[nodiscard]] bool ok() const noexcept { return record.has_value(); }
};

/// The JSON object of a record, on one line, always valid UTF-8, byte for byte what Go's
/// encoding/json writes for the same record, but for leasebreak's own fields. Text that is no valid
/// UTF-8 is followed by its bytes: "file_id":"a\ufffd","file_id_bytes":"Yf8=".
/// Any record can be written, valid or not.
[[nodiscard]] std::string to_json(const persisted_lock& record);

/// Reads what `to_json` or DittoFS wrote, and validates it. Fields that are missing or null have
/// their zero value; unknown ones are ignored. `name` stands for the record in an error if it has
/// no readable id. Throws nothing but std::bad_alloc.
parsed_record parse_record(std::string_view json, std::string_view name = {});

} // namespace leasebreak
