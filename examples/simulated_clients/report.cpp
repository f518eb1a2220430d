#include "report.hpp"

#include <leasebreak/model/effects.hpp>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <ostream>
#include <string>
#include <string_view>

namespace leasebreak::simulated {

namespace {

double seconds(duration d) {
  return std::chrono::duration<double>(d).count();
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void row(
  std::ostream& out, std::string_view name, std::uint64_t value, std::string_view note = {}) {
  out << "  " << std::left << std::setw(44) << name << std::right << std::setw(12) << value;
  if (!note.empty())
    out << "  " << note;
  out << '\n';
}

std::string text(double value, int digits, std::string_view unit) {
  std::string number = std::to_string(value);
  if (const auto point = number.find('.'); point != std::string::npos)
    number.resize(point + (digits == 0 ? 0 : static_cast<std::size_t>(digits) + 1));
  return number + std::string{unit};
}

void operations(std::ostream& out, const outcome& r) {
  const auto& c = *r.counts;
  out << "Clients\n";
  row(out, "operations of the coordinator", r.operations_completed,
    text(static_cast<double>(r.operations_completed) / seconds(r.took), 0, " per second"));
  row(out, "reads", c.reads);
  row(out, "  served from the cache", c.cache_hits, text(percent(c.cache_hits, c.reads), 1, " %"));
  row(out, "writes", c.writes);
  row(out, "  buffered", c.writes_buffered, text(percent(c.writes_buffered, c.writes), 1, " %"));
  row(out, "  flushed later", c.flushes);
  row(out, "  lost with a revoked lease or a connection", r.judged.writes_lost);
  row(out, "opens", r.coordinator.opens);
  row(out, "  avoided by a cached handle", c.opens_kept);
  row(out, "overwriting opens", c.overwrites);
  row(out, "byte-range locks", c.locks);
  row(out, "renames", c.renames);
  row(out, "deleted files", c.deletes);
  row(out, "operations cancelled by clients", c.cancellations);
  row(out, "connections lost", c.disconnects);
  row(out, "reads by local processes", c.local_reads);
  row(out, "writes by local processes", c.local_writes);
  row(out, "renames and removals by local processes", c.local_others);
  for (const auto& [error, times] : c.errors())
    row(out, "refused: " + to_string(error), times);
}

void breaks(std::ostream& out, const outcome& r) {
  const auto& s = r.coordinator;
  out << "Breaks by cause\n";
  for (std::size_t i = 0; i < s.breaks_by_cause.size(); ++i)
    if (s.breaks_by_cause[i] != 0)
      row(out, to_string(static_cast<break_cause>(i)), s.breaks_by_cause[i]);
  out << "Breaks by outcome\n";
  for (std::size_t i = 0; i < s.breaks_by_outcome.size(); ++i)
    if (s.breaks_by_outcome[i] != 0)
      row(out, to_string(static_cast<break_outcome>(i)), s.breaks_by_outcome[i]);
  row(out, "notifications ignored by clients", r.counts->breaks_ignored);
  row(out, "notifications that could not be sent", r.counts->breaks_unsendable);
  row(out, "notifications before the grant", r.counts->breaks_early);
  row(out, "acknowledgements after the deadline", r.counts->breaks_late);
  row(out, "acknowledgements refused", s.acknowledgements_refused);
  row(out, "pending operations at once, at most", s.waiting_most);
}

void judgement(std::ostream& out, const outcome& r) {
  const auto& j = r.judged;
  out << "Coherence\n";
  row(out, "reads checked", j.reads);
  row(out, "writes", j.writes);
  row(out, "older, break notification in flight", j.reads_on_the_way, "allowed");
  row(out, "older, break to Read not acknowledged", j.reads_tightened, "allowed");
  row(out, "by clients that had ignored a break", j.reads_excluded, "not checked");
  row(out, "stale", j.stale);
}

void histogram(std::ostream& out, std::string_view title, const latency_histogram& h) {
  const auto total = h.total();
  out << title << ": " << total;
  if (total == 0) {
    out << '\n';
    return;
  }
  out << ", half below " << h.quantile_us(0.5) << " us, 99 % below " << h.quantile_us(0.99)
      << " us\n";
  const auto most = *std::max_element(h.count.begin(), h.count.end());
  constexpr std::uint64_t width = 50;
  for (std::size_t i = 0; i < h.count.size(); ++i)
    if (h.count[i] != 0)
      out << "  < " << std::setw(10) << (std::uint64_t{1} << i) << " us " << std::setw(10)
          << h.count[i] << "  " << std::string(1 + h.count[i] * (width - 1) / most, '#') << '\n';
}

std::string json_text(std::string_view s) {
  std::string result = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\')
      result += '\\';
    if (c == '\n')
      result += "\\n";
    else if (static_cast<unsigned char>(c) >= 0x20)
      result += c;
  }
  return result + '"';
}

void json_histogram(std::ostream& out, const latency_histogram& h) {
  out << "{\"count\": " << h.total() << ", \"p50_us\": " << h.quantile_us(0.5)
      << ", \"p99_us\": " << h.quantile_us(0.99) << "}";
}

} // namespace

void print_progress(std::ostream& out, const progress& p) {
  out << std::fixed << std::setprecision(0) << std::setw(3) << seconds(p.elapsed) << " s  "
      << p.operations << " operations, " << p.counts->reads << " reads ("
      << percent(p.counts->cache_hits, p.counts->reads) << " % cached), " << p.judged.writes
      << " writes, " << p.coordinator.breaking_now << " breaking, " << p.coordinator.waiting_now
      << " waiting, " << p.coordinator.files_alive << " files, " << p.judged.stale << " stale";
}

void print_table(std::ostream& out, const settings& s, const outcome& r) {
  out << '\n'
      << s.clients << " clients, " << s.files << " files, " << s.threads << " threads, "
      << text(seconds(r.took), 1, " s") << ", store " << s.store << ", break timeout "
      << text(seconds(s.break_timeout), 2, " s") << ", seed " << s.seed << "\n";
  operations(out, r);
  breaks(out, r);
  judgement(out, r);
  histogram(out, "Opens during which a break began", r.counts->waited_opens.snapshot());
  histogram(out, "Breaks, from start to end", r.coordinator.break_latency);
}

void print_failures(std::ostream& out, const settings& s, const outcome& r) {
  for (const auto& stale : r.stale) {
    const auto& read = stale.read;
    out << "STALE READ, seed " << s.seed << ": #" << read.reader << " read version "
        << read.seen.version << " of " << name_of(read.file) << " from cache " << read.cache
        << (read.holds_write ? " (holding Write)" : "") << ", "
        << text(1e3 * seconds(read.began - stale.missed_at), 3, " ms") << " after version "
        << stale.missed << " was completed: " << stale.why << "\n"
        << stale.history;
  }
  if (r.judged.stale > r.stale.size())
    out << "and " << r.judged.stale - r.stale.size() << " more stale reads\n";
  if (!r.outstanding.empty())
    out << "NEVER COMPLETED: " << r.outstanding << '\n';
  if (r.completed_twice != 0)
    out << "COMPLETED TWICE: " << r.completed_twice << " operations\n";
  if (r.completed_inside != 0)
    out << "COMPLETED INSIDE THE INITIATING CALL: " << r.completed_inside << " operations\n";
  constexpr std::size_t shown_max = 20;
  for (std::size_t i = 0; i < std::min(r.left_over.size(), shown_max); ++i)
    out << "LEFT OVER: " << r.left_over[i] << '\n';
  if (r.left_over.size() > shown_max)
    out << "and " << r.left_over.size() - shown_max << " more left over\n";
  for (const auto& what : r.trouble)
    out << "UNEXPECTED: " << what << '\n';
}

void print_json(std::ostream& out, const settings& s, const outcome& r) {
  const auto& c = *r.counts;
  out << "{\n  \"clients\": " << s.clients << ",\n  \"files\": " << s.files
      << ",\n  \"threads\": " << s.threads << ",\n  \"seconds\": " << seconds(r.took)
      << ",\n  \"store\": " << json_text(s.store) << ",\n  \"seed\": " << s.seed
      << ",\n  \"break_timeout_seconds\": " << seconds(s.break_timeout)
      << ",\n  \"operations\": " << r.operations_completed
      << ",\n  \"operations_outstanding\": " << r.operations_started - r.operations_completed
      << ",\n  \"operations_completed_twice\": " << r.completed_twice
      << ",\n  \"reads\": " << c.reads << ",\n  \"cache_hits\": " << c.cache_hits
      << ",\n  \"writes\": " << c.writes << ",\n  \"writes_buffered\": " << c.writes_buffered
      << ",\n  \"writes_lost\": " << r.judged.writes_lost
      << ",\n  \"reads_checked\": " << r.judged.reads
      << ",\n  \"reads_on_the_way\": " << r.judged.reads_on_the_way
      << ",\n  \"reads_tightened\": " << r.judged.reads_tightened
      << ",\n  \"reads_excluded\": " << r.judged.reads_excluded
      << ",\n  \"stale_reads\": " << r.judged.stale
      << ",\n  \"coherent\": " << (r.coherent() ? "true" : "false")
      << ",\n  \"orderly\": " << (r.orderly() ? "true" : "false") << ",\n  \"left_over\": [";
  for (std::size_t i = 0; i < r.left_over.size(); ++i)
    out << (i == 0 ? "" : ", ") << json_text(r.left_over[i]);
  out << "],\n  \"trouble\": [";
  for (std::size_t i = 0; i < r.trouble.size(); ++i)
    out << (i == 0 ? "" : ", ") << json_text(r.trouble[i]);
  out << "],\n  \"opens_during_break\": ";
  json_histogram(out, c.waited_opens.snapshot());
  out << ",\n  \"breaks\": ";
  json_histogram(out, r.coordinator.break_latency);
  out << ",\n  \"coordinator\": " << to_json(r.coordinator) << "\n}\n";
}

} // namespace leasebreak::simulated
