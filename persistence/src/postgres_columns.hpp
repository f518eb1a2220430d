// The columns of the PostgreSQL table of records, and how they are written into arrays and read.
#pragma once

#include <leasebreak/persistence/record_json.hpp>

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// One column and the member of a record that it holds.
struct postgres_column {
  std::string_view name; ///< The name in the table.
  std::string_view field; ///< The name in the JSON form of a record, for errors.
  std::string_view type;
  /// Appends the value as an element within an array's braces.
  void (*append)(std::string& out, const persisted_lock& record);
  /// Parses a value from the server. Returns false if it is out of range.
  bool (*read)(std::string_view text, persisted_lock& record);
  int since = 1; ///< The version of the tables that added it.
  std::string_view absent = ""; ///< For later versions: the value in older rows, as a literal.
};

/// Returns all columns, the id first, in the order of statements and results.
[[nodiscard]] std::span<const postgres_column> postgres_columns();

/// Returns "id,share_name,...".
[[nodiscard]] std::string column_names();

/// Returns `bytes` as a quoted literal of type bytea, in hexadecimal form, so that nothing needs
/// escaping.
[[nodiscard]] std::string bytea_literal(std::string_view bytes);

/// Appends `bytes` as an element of a literal of type bytea[].
void append_bytea_element(std::string& out, std::string_view bytes);

/// Converts a row to a record and validates it; `value(i)` is the text of the column `i`.
parsed_record read_row(const std::function<std::string_view(std::size_t)>& value);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
