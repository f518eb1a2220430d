// Texts for the service's responses: one line for each file, pending operation, break or client.
//
// Names come from clients. Names that could harm a terminal, or hide something, are quoted and
// escaped.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl {

using lines = std::vector<std::string>;

/// One line per file: its holders, the state of a break, and the pending operations.
[[nodiscard]] lines lines_of_files(const boost::json::array& entries);

/// One line per pending operation.
[[nodiscard]] lines lines_of_waits(const boost::json::array& waits);

/// One line for each break in progress.
[[nodiscard]] lines lines_of_breaks(const boost::json::array& entries);

/// A table.
[[nodiscard]] lines lines_of_clients(const boost::json::array& clients);

/// The result of a break. The last line says what follows.
[[nodiscard]] lines lines_of_break(const boost::json::object& answer);

/// The result of a disconnect.
[[nodiscard]] std::string line_of_disconnect(const boost::json::object& answer);

/// One line for each counter and gauge.
[[nodiscard]] lines lines_of_statistics(const boost::json::object& stats);

/// The clients or files that caused the longest waits, one line each.
[[nodiscard]] lines lines_of_top(const boost::json::array& top);

/// What a server says of its cluster: of itself, then a table of the servers.
[[nodiscard]] lines lines_of_cluster(const boost::json::object& cluster);

/// One line for an event.
[[nodiscard]] std::string line_of_event(const boost::json::object& event);

/// JSON on one line, with fractions as 4.006; `boost::json::serialize` writes 4.006E0.
[[nodiscard]] std::string json_text(const boost::json::value& value);

/// `4.2 s`, `3 min 5 s`, `2 h 7 min`, `5 d 1 h`.
[[nodiscard]] std::string duration_words(double seconds);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl
