// Small conversions of text. None of them trusts its input.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

/// Returns `bytes` with U+FFFD in place of each byte that is not part of a valid UTF-8 sequence.
[[nodiscard]] std::string to_utf8(std::string_view bytes);

/// Escapes the characters of JSON text that are special in HTML or JavaScript: `<`, `>`, `&`,
/// U+2028 and U+2029. In JSON, they occur only within strings.
[[nodiscard]] std::string without_markup(std::string_view json);

/// Returns lower-case hexadecimal digits.
[[nodiscard]] std::string bytes_to_hex(std::string_view bytes);

/// The inverse of `bytes_to_hex`. Returns nothing if `text` has an odd length or other characters.
[[nodiscard]] std::optional<std::string> bytes_from_hex(std::string_view text);

/// Formats a time as in RFC 3339, in UTC with milliseconds.
[[nodiscard]] std::string to_rfc3339(time_point t);

/// Decodes `%XX`, and with `plus_is_space` also `+`. Returns nothing if an escape is malformed or
/// means a zero byte.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

/// Returns the parameters of a query, or nothing if one is malformed or occurs twice.
[[nodiscard]] std::optional<std::map<std::string, std::string, std::less<>>> parse_query(
  std::string_view query);

/// Returns whether both are equal. The time depends only on the lengths.
[[nodiscard]] bool equal_in_constant_time(std::string_view secret, std::string_view given) noexcept;

/// Returns whether both are equal, ignoring the case of ASCII letters.
[[nodiscard]] bool equal_without_case(std::string_view a, std::string_view b) noexcept;

/// Parses a decimal number without sign. Returns nothing for other text, and for numbers above
/// `most`.
[[nodiscard]] std::optional<std::size_t> parse_number(std::string_view text, std::size_t most);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
