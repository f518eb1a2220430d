// Numbers as bytes: seven bits in each, the lowest first, and a set eighth bit if more bytes
// follow.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Appends a number.
inline void put_varint(std::string& out, std::uint64_t n) {
  constexpr std::uint64_t more = 0x80;
  for (; n >= more; n >>= 7U)
    out.push_back(static_cast<char>(static_cast<std::uint8_t>(n | more)));
  out.push_back(static_cast<char>(n));
}

/// How the reading of a number ends.
enum class varint_end : std::uint8_t {
  good, ///< It is complete.
  cut, ///< The bytes end before it does.
  too_long, ///< It has more bytes than it needs, or more than 64 bits.
};

/// Reads the number at `at`, and moves `at` behind the bytes that were read. Each number has one
/// form, so that equal values are equal bytes. `n` is 0 unless the result is `good`.
[[nodiscard]] constexpr varint_end get_varint(
  std::string_view bytes, std::size_t& at, std::uint64_t& n) noexcept {
  n = 0;
  std::uint64_t read = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (at == bytes.size())
      return varint_end::cut;
    const std::uint64_t part = static_cast<std::uint8_t>(bytes[at++]);
    const auto low = part & 0x7fU;
    if (shift > 63 || (shift == 63 && low > 1) || (shift != 0 && part == 0))
      return varint_end::too_long;
    read |= low << shift;
    if (part == low)
      break;
  }
  n = read;
  return varint_end::good;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
