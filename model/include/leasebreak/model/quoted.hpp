// Quoting of untrusted text for the log and for listings.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Returns `text` in double quotes, such that it can neither forge nor hide parts of a line. These
/// become `\xNN` for each byte: quotes, backslashes, control characters, line and paragraph
/// separators, bidirectional control characters, and bytes that are not UTF-8. Text longer than
/// `bytes_max` bytes is cut between two characters; "..." before the closing quote marks the cut.
[[nodiscard]] std::string quoted(std::string_view text, std::size_t bytes_max = 1024);

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
