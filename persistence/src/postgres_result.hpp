// The result of a statement.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <libpq-fe.h>

#include <charconv>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// The only exception type of the session and its results.
struct postgres_error {
  store_status status;
  std::string sqlstate; ///< Empty if the error is not from the server.
};

/// Rows in the server's text format, or an error. Values are valid as long as the result.
class postgres_result {
public:
  explicit postgres_result(PGresult* result = nullptr) : result_(result, PQclear) {}

  /// Returns whether there is a result at all.
  [[nodiscard]] explicit operator bool() const noexcept { return result_ != nullptr; }
  /// Returns whether the statement was executed.
  [[nodiscard]] bool succeeded() const noexcept;
  /// Returns the server's code of an error; may be empty.
  [[nodiscard]] std::string sqlstate() const;
  [[nodiscard]] std::string_view error() const noexcept;

  [[nodiscard]] std::size_t rows() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return rows() == 0; }
  /// Returns how many rows the statement has changed.
  [[nodiscard]] std::size_t changed() const noexcept;

  /// Returns a value, empty if it is null. Throws `postgres_error` with `errc::store_corrupt` if
  /// there is no such row or column.
  [[nodiscard]] std::string_view value(std::size_t row, std::size_t column) const;
  /// Returns whether a value is null; throws like `value`.
  [[nodiscard]] bool is_null(std::size_t row, std::size_t column) const;

  /// Returns a value as a number; throws like `value`, also if it is not a number in the range.
  template <class Number>
  [[nodiscard]] Number number(std::size_t row, std::size_t column) const {
    const auto text = value(row, column);
    Number result{};
    const auto read = std::from_chars(text.data(), text.data() + text.size(), result);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size())
      refuse("a value is not a number, or out of range");
    return result;
  }

private:
  [[noreturn]] static void refuse(const char* why);
  void check(std::size_t row, std::size_t column) const;

  std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
