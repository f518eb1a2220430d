// Comparison of names whose ASCII letters are case-insensitive.
#pragma once

#include <algorithm>
#include <string_view>

namespace leasebreak::smb::vfs {

/// Whether the texts are equal except for the case of ASCII letters.
[[nodiscard]] inline bool equal_ignoring_case(
  std::string_view left, std::string_view right) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
    [&](char a, char b) { return lower(a) == lower(b); });
}

} // namespace leasebreak::smb::vfs
