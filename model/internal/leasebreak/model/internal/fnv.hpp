// A hash function whose results are the same in every build, unlike those of the standard library.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstdint>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Returns the 64-bit FNV-1a hash.
[[nodiscard]] constexpr std::uint64_t fnv(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text)
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return hash;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
