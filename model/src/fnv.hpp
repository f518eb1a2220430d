// A hash that is the same in every build, unlike that of the standard library.
#pragma once

#include <cstdint>
#include <string_view>

namespace leasebreak::detail {

/// FNV-1a.
[[nodiscard]] constexpr std::uint64_t fnv(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text)
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return hash;
}

} // namespace leasebreak::detail
