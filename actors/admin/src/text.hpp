// Small conversions of text, none of which trusts what it is given.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::admin {

/// `bytes` with U+FFFD for each byte that is no part of a valid UTF-8 sequence.
[[nodiscard]] std::string to_utf8(std::string_view bytes);

/// JSON text with what HTML gives a meaning to as escapes: `<`, `>`, `&`, U+2028, U+2029. They
/// occur within strings only.
[[nodiscard]] std::string without_markup(std::string_view json);

/// Lower-case hexadecimal digits.
[[nodiscard]] std::string bytes_to_hex(std::string_view bytes);

/// The inverse. Nothing if `text` has an odd length or other characters.
[[nodiscard]] std::optional<std::string> bytes_from_hex(std::string_view text);

/// RFC 3339 in UTC with milliseconds.
[[nodiscard]] std::string to_rfc3339(time_point t);

/// Decodes `%XX`, and with `plus_is_space` also `+`. Nothing if an escape is malformed or stands
/// for a zero byte.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

/// The parameters of a query. Nothing if one is malformed or occurs twice.
[[nodiscard]] std::optional<std::map<std::string, std::string, std::less<>>> parse_query(
  std::string_view query);

/// Whether both are the same, in a time that depends on the lengths alone.
[[nodiscard]] bool equal_in_constant_time(std::string_view secret, std::string_view given) noexcept;

/// Whether both are the same, ASCII letters in either case.
[[nodiscard]] bool equal_without_case(std::string_view a, std::string_view b) noexcept;

/// A decimal number without sign. Nothing if it is something else, or above `most`.
[[nodiscard]] std::optional<std::size_t> parse_number(std::string_view text, std::size_t most);

} // namespace leasebreak::admin
