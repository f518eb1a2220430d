// The JSON form of a record, with DittoFS's field names and encodings. docs/storage-format.md
// describes every field.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/model/persisted_lock.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The maximum length of a record's JSON text; longer text is rejected.
inline constexpr std::size_t record_json_bytes_max = 1024 * 1024;

/// A parsed record, or the reason why it could not be parsed.
struct [[nodiscard]] parsed_record {
  std::optional<persisted_lock> record; ///< The record, if it could be parsed.
  record_error error; ///< Only set if there is no record.

  /// Returns whether there is a record.
  [[nodiscard]] bool ok() const noexcept { return record.has_value(); }
};

/// Returns the JSON object of a record on one line, always as valid UTF-8. Apart from leasebreak's
/// own fields, the output is identical to that of Go's encoding/json for the same record. Text that
/// is not valid UTF-8 is followed by its bytes: "file_id":"a\ufffd","file_id_bytes":"Yf8=". Accepts
/// invalid records, too.
[[nodiscard]] std::string to_json(const persisted_lock& record);

/// Parses and validates the output of `to_json` or DittoFS. Missing and null fields get their zero
/// value; unknown fields are ignored. Errors name the record by `name` if it has no readable id.
/// Throws nothing except std::bad_alloc.
parsed_record parse_record(std::string_view json, std::string_view name = {});

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
