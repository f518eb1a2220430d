// See log_format.hpp.
#include <smb_server/service/log_format.hpp>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <string_view>

namespace leasebreak::smb {

namespace {

constexpr auto iso_time = "%Y-%m-%dT%H:%M:%S.%f%z";

template <class Buffer>
void append(Buffer& to, std::string_view text) {
  to.append(text.data(), text.data() + text.size());
}

/// RFC 8259: what has no escape of its own is \u00xx. Bytes that are not UTF-8 do not occur: the
/// library's log quotes names.
template <class Buffer>
void append_escaped(Buffer& to, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      to.push_back('\\');
      to.push_back(c);
    } else if (byte < ' ' || byte == 0x7f) {
      append(to, "\\u00");
      to.push_back(digits[byte >> 4U]);
      to.push_back(digits[byte & 0xfU]);
    } else {
      to.push_back(c);
    }
  }
}

class json_formatter final : public spdlog::formatter {
public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
    head_.format(message, to);
    append_escaped(to, {message.payload.data(), message.payload.size()});
    append(to, "\"}\n");
  }

  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<json_formatter>();
  }

private:
  spdlog::pattern_formatter head_{
    std::string(R"({"time":")") + iso_time + R"(","level":"%l","message":")",
    spdlog::pattern_time_type::local, ""};
};

} // namespace

std::unique_ptr<spdlog::formatter> make_json_formatter() {
  return std::make_unique<json_formatter>();
}

std::shared_ptr<spdlog::logger> make_logger(const std::string& level, const std::string& format) {
  auto logger = std::make_shared<spdlog::logger>(
    "smb_server", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  if (format == "json")
    logger->set_formatter(make_json_formatter());
  else
    logger->set_pattern(std::string(iso_time) + " %^%l%$ %v");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  return logger;
}

} // namespace leasebreak::smb
