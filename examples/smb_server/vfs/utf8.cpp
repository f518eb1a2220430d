// Decoding of UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF (RFC 3629, section
// 4).
#include "utf8.hpp"

#include <cstddef>

namespace leasebreak::smb::vfs::detail {

namespace {

struct lead {
  std::size_t length;
  char32_t bits;
  char32_t least; ///< Smaller values are overlong forms.
};

lead classify(unsigned char byte) noexcept {
  if (byte < 0x80U) {
    return {1, byte, 0};
  }
  if (byte >= 0xc2U && byte <= 0xdfU) {
    return {2, byte & 0x1fU, 0x80};
  }
  if (byte >= 0xe0U && byte <= 0xefU) {
    return {3, byte & 0x0fU, 0x800};
  }
  if (byte >= 0xf0U && byte <= 0xf4U) {
    return {4, byte & 0x07U, 0x10000};
  }
  return {0, 0, 0};
}

} // namespace

std::optional<char32_t> take_character(std::string_view& text) noexcept {
  if (text.empty()) {
    return std::nullopt;
  }
  auto [length, value, least] = classify(static_cast<unsigned char>(text.front()));
  if (length == 0 || text.size() < length) {
    return std::nullopt;
  }
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0U) != 0x80U) {
      return std::nullopt;
    }
    value = (value << 6) | (byte & 0x3fU);
  }
  if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
    return std::nullopt;
  }
  text.remove_prefix(length);
  return value;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text.front()) < 0x80U) {
      text.remove_prefix(1);
    } else if (!take_character(text)) {
      return false;
    }
  }
  return true;
}

} // namespace leasebreak::smb::vfs::detail
