#include <leasebreak/model/quoted.hpp>

#include <cstdint>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) noexcept {
  return static_cast<std::uint8_t>(text[i]);
}

bool is_continuation(std::uint8_t byte) noexcept {
  return (byte & 0xc0) == 0x80;
}

/// Returns the length of the sequence that `first` begins (RFC 3629); 1 if it begins none.
std::size_t length_by(std::uint8_t first) noexcept {
  if (first >= 0xc2 && first <= 0xdf)
    return 2;
  if (first >= 0xe0 && first <= 0xef)
    return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 1;
}

/// A character, or a byte that belongs to none.
struct character {
  std::size_t length = 1;
  bool is_valid = false;
  char32_t code = 0;
};

character read_character(std::string_view text) noexcept {
  const auto first = byte_at(text, 0);
  if (first < 0x80)
    return {1, true, first};
  const auto length = length_by(first);
  if (length == 1 || length > text.size())
    return {};
  char32_t code = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = byte_at(text, i);
    if (!is_continuation(next))
      return {};
    code = code << 6U | (next & 0x3fU);
  }
  const bool is_overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (is_overlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    return {};
  return {length, true, code};
}

bool is_shown(const character& c) noexcept {
  const auto code = c.code;
  if (!c.is_valid || code < 0x20 || (code >= 0x7f && code < 0xa0) || code == '"' || code == '\\')
    return false;
  const bool is_separator = code == 0x2028 || code == 0x2029;
  const bool is_direction = code == 0x061c || code == 0x200e || code == 0x200f ||
    (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return !is_separator && !is_direction;
}

void append_escaped(std::string& out, std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out += "\\x";
    out += digits[byte_at(bytes, i) >> 4];
    out += digits[byte_at(bytes, i) & 0x0f];
  }
}

} // namespace

std::string quoted(std::string_view text, std::size_t bytes_max) {
  std::string result = "\"";
  std::size_t at = 0;
  while (at < text.size()) {
    const auto next = read_character(text.substr(at));
    if (at + next.length > bytes_max)
      break;
    const auto bytes = text.substr(at, next.length);
    if (is_shown(next))
      result += bytes;
    else
      append_escaped(result, bytes);
    at += next.length;
  }
  return result + (at < text.size() ? "...\"" : "\"");
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
