// What the service tells, in words: one line for a file, a wait, a break or a client.
//
// Names come from clients. What could harm a terminal, or hide something, is quoted and escaped.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <string>
#include <vector>

namespace leasebreak::ctl {

using lines = std::vector<std::string>;

/// One line per file: its holders, the state of a break, and the pending operations.
[[nodiscard]] lines lines_of_files(const boost::json::array& entries);

/// One line per pending operation.
[[nodiscard]] lines lines_of_waits(const boost::json::array& waits);

/// One line for each break in progress.
[[nodiscard]] lines lines_of_breaks(const boost::json::array& entries);

/// A table.
[[nodiscard]] lines lines_of_clients(const boost::json::array& clients);

/// What became of a break; the last line says what to expect.
[[nodiscard]] lines lines_of_break(const boost::json::object& answer);

/// What became of a disconnect.
[[nodiscard]] std::string line_of_disconnect(const boost::json::object& answer);

/// One line for each counter and gauge.
[[nodiscard]] lines lines_of_statistics(const boost::json::object& stats);

/// `4.2 s`, `3 min 5 s`, `2 h 7 min`, `5 d 1 h`.
[[nodiscard]] std::string duration_words(double seconds);

} // namespace leasebreak::ctl
