// How the log is written: text or JSON, with ISO 8601 times.
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace leasebreak::smb {

/// A logger to the standard error output. `format` is "text" or "json"; each line of "json" is an
/// object with `time`, `level` and `message`.
[[nodiscard]] std::shared_ptr<spdlog::logger> make_logger(
  const std::string& level, const std::string& format);

/// The formatter of "json". For tests.
[[nodiscard]] std::unique_ptr<spdlog::formatter> make_json_formatter();

} // namespace leasebreak::smb
