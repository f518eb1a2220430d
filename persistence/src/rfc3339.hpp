// Times as Go's encoding/json writes them: RFC 3339 with up to nanoseconds.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Appends the time in UTC, without trailing zeros in the fraction (Go's RFC3339Nano).
/// `time_point{}` is written as Go's zero time, "0001-01-01T00:00:00Z".
void append_rfc3339(std::string& out, time_point time);

/// Parses a time with any offset. Digits beyond nanoseconds are truncated; Go's zero time gives
/// `time_point{}`. Returns nothing if the text is not an RFC 3339 time, or the time is not between
/// 1677 and 2262.
[[nodiscard]] std::optional<time_point> parse_rfc3339(std::string_view text);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
