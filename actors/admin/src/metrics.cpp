// The text format of Prometheus; see leasebreak/admin/encode.hpp.
#include "text.hpp"

#include <leasebreak/admin/encode.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace {

/// Writes microseconds as seconds, without trailing zeros. `double` would print 1e-06.
std::string decimal_us(std::uint64_t us) {
  std::array<char, 40> text{};
  const auto length = std::snprintf(text.data(), text.size(), "%llu.%06llu",
    static_cast<unsigned long long>(us / 1'000'000),
    static_cast<unsigned long long>(us % 1'000'000));
  std::string result(text.data(), static_cast<std::size_t>(length));
  result.erase(result.find_last_not_of('0') + 1);
  if (result.ends_with('.'))
    result.pop_back();
  return result;
}

/// Escapes backslash, quote and newline. Label values must be UTF-8.
std::string label_value(std::string_view text) {
  std::string result;
  for (const char c : to_utf8(text))
    if (c == '\n')
      result += "\\n";
    else if (c == '"' || c == '\\')
      result += std::string("\\") + c;
    else
      result += c;
  return result;
}

std::string word(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c == ' ')
      c = '_';
  return result;
}

class metrics_text {
public:
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = "leasebreak_" + std::string(name);
    text_ += "# HELP " + name_ + " " + std::string(help) + "\n";
    text_ += "# TYPE " + name_ + " " + std::string(type) + "\n";
  }
  void value(std::string_view labels, const std::string& number) {
    text_ += name_ + std::string(labels) + " " + number + "\n";
  }
  void value(std::uint64_t number) { value("", std::to_string(number)); }
  void value(std::string_view label, std::string_view of, std::uint64_t number) {
    value("{" + std::string(label) + "=\"" + label_value(of) + "\"}", std::to_string(number));
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t number) {
    begin(name, "counter", help);
    value(number);
  }
  void gauge(std::string_view name, std::string_view help, std::uint64_t number) {
    begin(name, "gauge", help);
    value(number);
  }
  void histogram(std::string_view name, std::string_view help, const latency_histogram& h) {
    begin(name, "histogram", help);
    histogram("", h);
  }
  /// One of several with different values of a label, such as `operation="open"`.
  void histogram(const std::string& label, const latency_histogram& h) {
    const auto first = label.empty() ? "" : label + ",";
    const auto alone = label.empty() ? "" : "{" + label + "}";
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i + 1 < latency_histogram::buckets; ++i) {
      seen += h.count[i];
      value("_bucket{" + first + "le=\"" + decimal_us(std::uint64_t{1} << i) + "\"}",
        std::to_string(seen));
    }
    seen += h.count.back();
    value("_bucket{" + first + "le=\"+Inf\"}", std::to_string(seen));
    value("_sum" + alone, decimal_us(h.sum_us));
    value("_count" + alone, std::to_string(seen));
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

private:
  std::string text_;
  std::string name_;
};

void add_work(metrics_text& m, const statistics& s) {
  m.begin("opens_total", "counter", "Opens that were granted or refused.");
  m.value("result", "granted", s.opens);
  m.value("result", "refused", s.opens_refused);
  m.counter("closes_total", "Opens that have ended.", s.closes);
  m.begin("grants_total", "counter", "Leases and oplocks granted or upgraded, by their state.");
  for (const auto state : {lease_state::r, lease_state::rh, lease_state::rw, lease_state::rwh})
    m.value("state", to_string(state), s.grants_by_state[bits(state)]);
  m.begin("breaks_total", "counter", "Breaks started, by cause.");
  for (std::size_t i = 0; i < s.breaks_by_cause.size(); ++i)
    m.value("cause", word(to_string(static_cast<break_cause>(i))), s.breaks_by_cause[i]);
  m.begin("break_outcomes_total", "counter", "Breaks ended, by outcome.");
  for (std::size_t i = 0; i < s.breaks_by_outcome.size(); ++i)
    m.value("outcome", word(to_string(static_cast<break_outcome>(i))), s.breaks_by_outcome[i]);
  m.begin("acknowledgements_refused_total", "counter", "Acknowledgements of breaks refused.");
  m.value("reason", "late", s.acknowledgements_late);
  m.value("reason", "wrong",
    s.acknowledgements_refused - std::min(s.acknowledgements_late, s.acknowledgements_refused));
  m.counter("operations_cancelled_total", "Pending operations that were cancelled.",
    s.operations_cancelled);
  m.counter("forced_breaks_total", "Forced breaks that have completed.", s.forced_breaks);
  m.counter("sink_failures_total", "Break notifications that could not be sent.", s.sink_failures);
  m.histogram(
    "break_duration_seconds", "Time from the start of a break to its end.", s.break_latency);
  m.begin(
    "wait_duration_seconds", "histogram", "Time that operations waited for clients, by operation.");
  for (std::size_t i = 0; i < wait_kinds; ++i)
    m.histogram(
      "operation=\"" + std::string(to_string(static_cast<wait_kind>(i))) + "\"", s.wait_latency[i]);
}

void add_present(metrics_text& m, const statistics& s) {
  m.gauge("opens", "Opens now.", s.opens_now);
  m.gauge("locks", "Byte-range locks now.", s.locks_now);
  m.gauge("breaking", "Breaks in progress.", s.breaking_now);
  m.gauge("breaks_overdue", "Breaks in progress with less than half of their time left.",
    s.breaks_overdue);
  m.gauge("clients_unresponsive", "Clients that let three breaks time out in the last hour.",
    s.clients_unresponsive);
  m.gauge("waiting", "Pending operations.", s.waiting_now);
  m.gauge("waiting_for_guards", "Requests that wait for an entry of a directory.",
    s.waiting_for_guards_now);
  m.gauge("grace_active", "Whether state is reserved for its holders after an unclean stop.",
    s.in_grace ? 1 : 0);
  m.gauge("files", "Files in memory, including idle ones.", s.files_alive);
  m.gauge("clients", "Registered clients.", s.clients);
}

void add_store(metrics_text& m, const statistics& s) {
  m.counter("store_batches_total", "Batches written to the store.", s.store_batches);
  m.counter("store_failures_total", "Failed attempts to write to the store.", s.store_failures);
  m.counter(
    "store_records_total", "Records written to or deleted from the store.", s.records_written);
  m.gauge("store_backlog_records", "Records that are not in the store yet.", s.store_backlog);
  m.begin("store_lag_seconds", "gauge", "Age of the oldest record that is not in the store yet.");
  m.value("", decimal_us(s.store_lag_us));
  m.gauge("store_failing", "Whether the last attempt to write failed.", s.store_failing ? 1 : 0);
}

} // namespace

std::string to_prometheus(const statistics& s, const metrics_labels& labels) {
  metrics_text m;
  add_work(m, s);
  add_present(m, s);
  add_store(m, s);
  m.begin("build_info", "gauge", "The version of the program.");
  m.value("version", labels.version, 1);
  m.begin("start_time_seconds", "gauge", "When the service started, in seconds since 1970.");
  const auto us =
    std::chrono::duration_cast<std::chrono::microseconds>(labels.started.time_since_epoch())
      .count();
  m.value("", decimal_us(us < 0 ? 0 : static_cast<std::uint64_t>(us)));
  return m.take();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
