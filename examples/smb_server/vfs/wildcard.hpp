// Matching of names against SMB wildcard expressions (MS-FSA 2.1.4.4).
#pragma once

#include <string_view>

namespace leasebreak::smb::vfs {

/// Whether the expression has any of `*`, `?`, `<`, `>` and `"`.
[[nodiscard]] bool has_wildcards(std::string_view expression) noexcept;

/// Whether `name` matches: `*` is any characters, `?` one character, `<` (DOS_STAR) any characters
/// up to the last period, `>` (DOS_QM) one character or none before a period or the end, `"`
/// (DOS_DOT) a period or the end. Both are UTF-8. Takes time in the product of the lengths at most.
/// With `ignore_case`, ASCII letters of either case are equal.
[[nodiscard]] bool matches(
  std::string_view expression, std::string_view name, bool ignore_case = false);

} // namespace leasebreak::smb::vfs
