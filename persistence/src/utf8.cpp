#include "utf8.hpp"

#include <cstdint>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

constexpr std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

// The bytes that may follow a leading byte: their number, and the bounds of the first of them.
struct continuation {
  std::size_t count;
  std::uint8_t low;
  std::uint8_t high;
};

constexpr continuation continuation_of(std::uint8_t lead) {
  if (lead >= 0xc2 && lead <= 0xdf)
    return {1, 0x80, 0xbf};
  if (lead == 0xe0)
    return {2, 0xa0, 0xbf};
  if (lead == 0xed)
    return {2, 0x80, 0x9f};
  if (lead >= 0xe1 && lead <= 0xef)
    return {2, 0x80, 0xbf};
  if (lead == 0xf0)
    return {3, 0x90, 0xbf};
  if (lead == 0xf4)
    return {3, 0x80, 0x8f};
  if (lead >= 0xf1 && lead <= 0xf3)
    return {3, 0x80, 0xbf};
  return {0, 0, 0};
}

void append_escape(std::string& out, std::uint8_t c) {
  static constexpr char digits[] = "0123456789abcdef";
  switch (c) {
  case '"':
  case '\\':
    out.push_back('\\');
    out.push_back(static_cast<char>(c));
    return;
  case '\b':
    out += "\\b";
    return;
  case '\f':
    out += "\\f";
    return;
  case '\n':
    out += "\\n";
    return;
  case '\r':
    out += "\\r";
    return;
  case '\t':
    out += "\\t";
    return;
  default:
    out += "\\u00";
    out.push_back(digits[c >> 4]);
    out.push_back(digits[c & 0x0f]);
  }
}

// Go escapes characters that could end a script element or a line of JavaScript.
constexpr bool needs_escape(std::uint8_t c) {
  return c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&';
}

} // namespace

std::size_t utf8_sequence(std::string_view text) noexcept {
  const auto lead = byte_at(text, 0);
  if (lead < 0x80)
    return 1;
  const auto next = continuation_of(lead);
  if (next.count == 0 || text.size() <= next.count)
    return 0;
  if (byte_at(text, 1) < next.low || byte_at(text, 1) > next.high)
    return 0;
  for (std::size_t i = 2; i <= next.count; ++i)
    if ((byte_at(text, i) & 0xc0) != 0x80)
      return 0;
  return next.count + 1;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto size = utf8_sequence(text);
    if (size == 0)
      return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto size = utf8_sequence(text);
    out += size == 0 ? std::string_view{"\xef\xbf\xbd"} : text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    const auto c = byte_at(text, 0);
    const auto size = utf8_sequence(text);
    const auto sequence = text.substr(0, size);
    if (size == 0)
      out += "\\ufffd";
    else if (size == 1 && needs_escape(c))
      append_escape(out, c);
    else if (sequence == "\xe2\x80\xa8")
      out += "\\u2028";
    else if (sequence == "\xe2\x80\xa9")
      out += "\\u2029";
    else
      out += sequence;
    text.remove_prefix(size == 0 ? 1 : size);
  }
  out.push_back('"');
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
