// What a coordinator tells, as text for programs: JSON and the text format of Prometheus.
//
// JSON is pure UTF-8: bytes of names that are not become U+FFFD, and `<`, `>` and `&` are written
// as escapes, so that the text means nothing to an HTML parser. A file's id is shown in
// hexadecimal. Each time is shown in RFC 3339 form and, relative to `now`, as seconds.
#pragma once

#include <leasebreak/events.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/requests.hpp>
#include <leasebreak/statistics.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT admin {

/// An entry of a listing as a JSON object, on one line.
[[nodiscard]] std::string to_json(const listed_entry& entry, time_point now);

/// A page of a listing: `now`, `entries`, and `next`, the `after` of the next page or null.
[[nodiscard]] std::string to_json(const listed_page& page);

/// An event as a JSON object, on one line: `time`, `kind`, and the members that its kind names.
/// Times that something lasted are in seconds.
[[nodiscard]] std::string to_json(const event& e);

/// Which client waits for which, one edge for each waiting operation in the page: `now`, `waits`
/// and `next`.
[[nodiscard]] std::string waits_to_json(const listed_page& page);

/// Clients: `clients` and `next`. `is_last`: there are no others.
[[nodiscard]] std::string to_json(const std::vector<listed_client>& clients, bool is_last);

/// What the metrics say beside the statistics.
struct metrics_labels {
  std::string version; ///< Label of `leasebreak_build_info`.
  time_point started{}; ///< `leasebreak_start_time_seconds`.
};

/// A snapshot in the text format of Prometheus, version 0.0.4. All names begin with `leasebreak_`;
/// labels are from fixed lists only, never a client, file or key.
[[nodiscard]] std::string to_prometheus(const statistics& s, const metrics_labels& labels);

/// The media type of `to_prometheus`.
inline constexpr std::string_view prometheus_content_type =
  "text/plain; version=0.0.4; charset=utf-8";

} // namespace admin
} // namespace leasebreak::LEASEBREAK_INLINE_ABI
