// Base64 with the standard alphabet and padding (RFC 4648 section 4), as Go encodes []byte.
#pragma once

#include <leasebreak/model/export.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

inline constexpr std::string_view base64_alphabet =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
inline constexpr std::uint8_t no_base64_digit = 0xff;

constexpr std::array<std::uint8_t, 256> make_base64_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(no_base64_digit);
  for (std::size_t i = 0; i < base64_alphabet.size(); ++i)
    digits[static_cast<std::uint8_t>(base64_alphabet[i])] = static_cast<std::uint8_t>(i);
  return digits;
}

inline constexpr auto base64_digits = make_base64_digits();

/// Appends bytes as text.
inline void append_base64(std::string& out, std::span<const std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8) | (k < count ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out.push_back(k <= count ? base64_alphabet[(group >> (18 - 6 * k)) & 0x3f] : '=');
  }
}

/// Decodes `text`. Returns nothing if it is not exactly what `append_base64` writes for some bytes.
[[nodiscard]] inline std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const auto quad = text.substr(i, 4);
    std::size_t padding = 0;
    if (i + 4 == text.size() && quad[3] == '=')
      padding = quad[2] == '=' ? 2 : 1;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const auto digit =
        k < 4 - padding ? base64_digits[static_cast<std::uint8_t>(quad[k])] : std::uint8_t{0};
      if (digit == no_base64_digit)
        return std::nullopt;
      group = (group << 6) | digit;
    }
    // Padding bits must be zero; otherwise two texts could mean the same bytes.
    if ((group & ((1U << (8 * padding)) - 1)) != 0)
      return std::nullopt;
    for (std::size_t k = 0; k < 3 - padding; ++k)
      bytes.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * k)));
  }
  return bytes;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
