// A log that a test reads.
#pragma once

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <cstddef>
#include <memory>
#include <sstream>
#include <string>

namespace leasebreak::test {

/// Keeps what is logged. Must outlive its loggers.
class kept_log {
public:
  [[nodiscard]] std::shared_ptr<spdlog::logger> logger() {
    return std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_));
  }
  [[nodiscard]] std::string text() const { return text_.str(); }
  /// Returns how often `words` occur.
  [[nodiscard]] std::size_t count(const std::string& words) const {
    std::size_t n = 0;
    const auto all = text();
    for (auto at = all.find(words); at != std::string::npos; at = all.find(words, at + 1))
      ++n;
    return n;
  }

private:
  std::ostringstream text_;
};

} // namespace leasebreak::test
