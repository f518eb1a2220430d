#include <leasebreak/statistics.hpp>

#include <numeric>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

std::uint64_t latency_histogram::total() const noexcept {
  return std::accumulate(count.begin(), count.end(), std::uint64_t{0});
}

std::uint64_t latency_histogram::quantile_us(double q) const noexcept {
  const auto all = total();
  if (all == 0)
    return 0;
  const double wanted = q * static_cast<double>(all);
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + 1 < buckets; ++i) {
    seen += count[i];
    if (seen != 0 && static_cast<double>(seen) >= wanted)
      break;
  }
  return std::uint64_t{1} << i;
}

std::string_view to_string(wait_kind kind) noexcept {
  switch (kind) {
  case wait_kind::open:
    return "open";
  case wait_kind::close:
    return "close";
  case wait_kind::lock:
    return "lock";
  case wait_kind::read:
    return "read";
  case wait_kind::write:
    return "write";
  case wait_kind::rename:
    return "rename";
  case wait_kind::remove:
    return "remove";
  case wait_kind::other:
    return "other";
  case wait_kind::forced:
    return "forced";
  }
  return "unknown";
}

namespace {

class json_writer {
public:
  template <class T>
  void member(std::string_view name, const T& value) {
    text_ += text_.empty() ? "{\n  \"" : ",\n  \"";
    text_ += name;
    text_ += "\": ";
    text_ += value;
  }
  void number(std::string_view name, std::uint64_t value) { member(name, std::to_string(value)); }
  template <class Array>
  void array(std::string_view name, const Array& values) {
    std::string list = "[";
    for (const auto v : values)
      list += (list.size() == 1 ? "" : ", ") + std::to_string(v);
    member(name, list + "]");
  }
  [[nodiscard]] std::string take() { return std::move(text_) + "\n}\n"; }

private:
  std::string text_;
};

} // namespace

std::string to_json(const statistics& s) {
  json_writer w;
  w.number("opens", s.opens);
  w.number("opens_refused", s.opens_refused);
  w.number("closes", s.closes);
  w.array("grants_by_state", s.grants_by_state);
  w.array("breaks_by_cause", s.breaks_by_cause);
  w.array("breaks_by_outcome", s.breaks_by_outcome);
  w.number("acknowledgements_late", s.acknowledgements_late);
  w.number("acknowledgements_refused", s.acknowledgements_refused);
  w.number("operations_cancelled", s.operations_cancelled);
  w.number("sink_failures", s.sink_failures);
  w.number("forced_breaks", s.forced_breaks);
  w.number("store_batches", s.store_batches);
  w.number("store_failures", s.store_failures);
  w.number("records_written", s.records_written);
  w.number("opens_now", s.opens_now);
  w.number("locks_now", s.locks_now);
  w.number("breaking_now", s.breaking_now);
  w.number("breaks_overdue", s.breaks_overdue);
  w.number("clients_unresponsive", s.clients_unresponsive);
  w.number("waiting_now", s.waiting_now);
  w.number("waiting_most", s.waiting_most);
  w.number("waiting_for_guards_now", s.waiting_for_guards_now);
  w.number("waiting_for_guards_most", s.waiting_for_guards_most);
  w.number("files_alive", s.files_alive);
  w.number("clients", s.clients);
  w.number("store_backlog", s.store_backlog);
  w.number("store_lag_us", s.store_lag_us);
  w.member("store_failing", s.store_failing ? "true" : "false");
  w.member("in_grace", s.in_grace ? "true" : "false");
  for (std::size_t i = 0; i < wait_kinds; ++i) {
    const auto& waits = s.wait_latency[i];
    const auto name = "wait_latency_us_" + std::string(to_string(static_cast<wait_kind>(i)));
    w.number(name + "_sum", waits.sum_us);
    w.array(name + "_log2", waits.count);
  }
  w.number("break_latency_us_sum", s.break_latency.sum_us);
  w.array("break_latency_us_log2", s.break_latency.count);
  return w.take();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
