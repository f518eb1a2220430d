// Times as Go's encoding/json has them: RFC 3339 with up to nanoseconds.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::detail {

/// In UTC, without trailing zeros in the fraction (Go's RFC3339Nano). `time_point{}` stands for
/// Go's zero time, "0001-01-01T00:00:00Z".
void append_rfc3339(std::string& out, time_point time);

/// Any offset; digits beyond nanoseconds are cut off; Go's zero time gives `time_point{}`. Nothing
/// if the text is no RFC 3339 time, or the time is not between 1677 and 2262.
[[nodiscard]] std::optional<time_point> parse_rfc3339(std::string_view text);

} // namespace leasebreak::detail
