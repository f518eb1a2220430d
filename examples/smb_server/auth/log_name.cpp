// Names in quotes.
#include <smb_server/auth/log_name.hpp>

#include <cstdint>

namespace leasebreak::smb {

namespace {

constexpr std::size_t shown_max = 64;

bool is_continuation(char c) noexcept {
  return (static_cast<std::uint8_t>(c) & 0xc0) == 0x80;
}

/// Whether a control character begins at `at`: of ASCII, or U+0080 to U+009F, which terminals obey.
bool is_control(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if (byte(at) < ' ' || byte(at) == 0x7f)
    return true;
  return byte(at) == 0xc2 && at + 1 < text.size() && byte(at + 1) < 0xa0;
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<std::uint8_t>(c);
  out += "\\x";
  out += digits[byte >> 4];
  out += digits[byte & 0x0f];
}

} // namespace

std::string log_name(std::string_view utf8) {
  std::size_t end = utf8.size();
  if (end > shown_max) {
    end = shown_max;
    while (end > 0 && is_continuation(utf8[end]))
      --end;
  }
  std::string result{'\''};
  for (std::size_t i = 0; i < end; ++i) {
    const char c = utf8[i];
    if (!is_control(utf8, i) && c != '\'' && c != '\\') {
      result += c;
      continue;
    }
    const bool has_two = static_cast<std::uint8_t>(c) == 0xc2;
    append_escaped(result, c);
    if (has_two)
      append_escaped(result, utf8[++i]);
  }
  return result + (end < utf8.size() ? "...'" : "'");
}

} // namespace leasebreak::smb
