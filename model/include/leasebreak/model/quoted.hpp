// Text that others chose, for the log and for listings.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace leasebreak {

/// `text` in double quotes, such that it neither forges nor hides anything in a line: quotes,
/// backslashes, control characters, line and paragraph separators, marks that change the direction
/// of text, and what is not UTF-8 become `\xNN` for each byte. What is longer than `bytes_max` is
/// cut between two characters, which "..." before the closing quote says.
[[nodiscard]] std::string quoted(std::string_view text, std::size_t bytes_max = 1024);

} // namespace leasebreak
