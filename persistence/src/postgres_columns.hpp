// The columns of the PostgreSQL table of records: how each is written into an array and read back.
#pragma once

#include <leasebreak/persistence/record_json.hpp>

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace leasebreak::detail {

/// One column and the member of a record that it holds.
struct postgres_column {
  std::string_view name; ///< In the table.
  std::string_view field; ///< In a record's JSON form, for errors.
  std::string_view type;
  /// Appends the value as it is within an array's braces.
  void (*append)(std::string& out, const persisted_lock& record);
  /// Reads what the server sends. False if it is not within the member's range.
  bool (*read)(std::string_view text, persisted_lock& record);
  int since = 1; ///< The version of the tables that brought it.
  std::string_view absent = ""; ///< Later versions: the value in rows from before, as a literal.
};

/// All columns, the id first, in the order of statements and results.
[[nodiscard]] std::span<const postgres_column> postgres_columns();

/// "id,share_name,...".
[[nodiscard]] std::string column_names();

/// `bytes` as a literal of type bytea with its quotes. Hexadecimal, so nothing needs an escape.
[[nodiscard]] std::string bytea_literal(std::string_view bytes);

/// Appends `bytes` as an element of a literal of type bytea[].
void append_bytea_element(std::string& out, std::string_view bytes);

/// A row as a record: `value(i)` is the text of the column `i`. The record is validated.
parsed_record read_row(const std::function<std::string_view(std::size_t)>& value);

} // namespace leasebreak::detail
