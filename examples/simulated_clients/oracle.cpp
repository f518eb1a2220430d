#include "oracle.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace leasebreak::simulated {

namespace {

// Enough to find the first missed write of any reader whose notification is still in flight.
constexpr std::size_t writes_max = 4'096;
constexpr std::size_t breaks_max = 1'024;
constexpr std::size_t events_max = 40;
constexpr std::size_t ignored_max = 256;
constexpr std::size_t suspicions_max = 4'096;

template <class Container, class Value>
void push_bounded(Container& c, Value v, std::size_t max) {
  if (c.size() == max)
    c.pop_front();
  c.push_back(std::move(v));
}

double milliseconds(time_point t, time_point from) {
  return std::chrono::duration<double, std::milli>(t - from).count();
}

} // namespace

oracle::oracle(std::size_t files, duration break_timeout, duration tolerance)
  : break_timeout_{break_timeout}, tolerance_{tolerance} {
  files_.reserve(files);
  for (std::size_t i = 0; i < files; ++i)
    files_.push_back(std::make_unique<file_record>());
}

void oracle::note(file_record& f, const event& e) {
  push_bounded(f.events, e, events_max);
}

std::string oracle::describe(const file_record& f) {
  std::ostringstream out;
  out.precision(3);
  out << std::fixed;
  const auto origin = f.events.empty() ? time_point{} : f.events.front().at;
  for (const auto& e : f.events) {
    out << "    +" << milliseconds(e.at, origin) << " ms  #" << e.who << ' ';
    switch (e.kind) {
    case event_kind::wrote:
      out << "wrote version " << e.first << " (stamp " << e.second << ")";
      break;
    case event_kind::buffered:
      out << "buffered stamp " << e.first;
      break;
    case event_kind::lost:
      out << "lost its buffered stamp " << e.first;
      break;
    case event_kind::read:
      out << "read version " << e.first << " from "
          << (e.second == 0 ? "disk" : "cache " + std::to_string(e.second));
      break;
    case event_kind::notified:
      out << "was notified of a break of cache " << e.first << " to " << e.to << ", issued "
          << static_cast<double>(e.second) / 1e6 << " ms earlier";
      break;
    case event_kind::answered:
      out << "acknowledged for cache " << e.first;
      break;
    case event_kind::ended:
      out << "ended cache " << e.first;
      break;
    }
    out << '\n';
  }
  return out.str();
}

void oracle::convict(file_record& f, suspicion s, std::string why) {
  ++f.counts.stale;
  if (f.stale.size() < kept_max)
    f.stale.push_back(
      {s.read, s.missed.version, s.missed.at, std::move(why), std::move(s.history)});
}

void oracle::wrote(
  std::size_t file, std::size_t writer, std::uint64_t version, stamp mark, time_point now) {
  auto& f = *files_[file];
  const std::scoped_lock lock{f.mutex};
  ++f.counts.writes;
  push_bounded(f.writes, write_record{version, mark, now}, writes_max);
  if (const auto mine = f.buffered.find(writer); mine != f.buffered.end() && mine->second == mark)
    f.buffered.erase(mine);
  note(f, {event_kind::wrote, writer, version, mark, now, {}});
}

void oracle::buffered(std::size_t file, std::size_t writer, stamp mark, time_point now) {
  auto& f = *files_[file];
  const std::scoped_lock lock{f.mutex};
  f.buffered[writer] = mark;
  note(f, {event_kind::buffered, writer, mark, 0, now, {}});
}

void oracle::lost(std::size_t file, std::size_t writer, time_point now) {
  auto& f = *files_[file];
  const std::scoped_lock lock{f.mutex};
  if (const auto mine = f.buffered.find(writer); mine != f.buffered.end()) {
    ++f.counts.writes_lost;
    note(f, {event_kind::lost, writer, mine->second, 0, now, {}});
    f.buffered.erase(mine);
  }
}

void oracle::superseded(std::size_t file, std::size_t writer) {
  auto& f = *files_[file];
  const std::scoped_lock lock{f.mutex};
  f.buffered.erase(writer);
}

void oracle::read(const observed_read& r) {
  auto& f = *files_[r.file];
  const std::scoped_lock lock{f.mutex};
  note(f, {event_kind::read, r.reader, r.seen.version, r.cache, r.began, {}});
  if (r.cache != 0 && std::find(f.ignored.begin(), f.ignored.end(), r.cache) != f.ignored.end()) {
    ++f.counts.reads_excluded;
    return;
  }
  ++f.counts.reads;
  judge(f, r);
}

void oracle::judge(file_record& f, const observed_read& r) {
  // Until it is flushed, a client's buffered write is visible to that client.
  if (const auto mine = f.buffered.find(r.reader);
      r.cache != 0 && mine != f.buffered.end() && mine->second != r.seen.mark) {
    convict(f, {r, {r.seen.version, mine->second, r.began}, describe(f)},
      "the reader's own buffered write is missing");
    return;
  }
  // If buffered content has reached the disk meanwhile, use the version that it became.
  std::uint64_t version = r.seen.version;
  for (auto w = f.writes.rbegin(); w != f.writes.rend() && w->version > version; ++w)
    if (w->mark == r.seen.mark)
      version = w->version;
  const auto missed = std::find_if(
    f.writes.begin(), f.writes.end(), [&](const write_record& w) { return w.version > version; });
  if (missed == f.writes.end() || missed->at > r.began)
    return;
  suspicion s{r, *missed, describe(f)};
  if (r.cache == 0)
    convict(f, std::move(s), "the disk returned old content");
  else if (missed->version != version + 1)
    convict(f, std::move(s), "too many writes were missed");
  else if (f.suspicions.size() == suspicions_max)
    convict(f, std::move(s), "too many stale reads are unexplained");
  else
    f.suspicions.push_back(std::move(s));
}

void oracle::notified(std::size_t file, std::size_t reader, cache_id cache, time_point issued,
  lease_state to, time_point now) {
  auto& f = *files_[file];
  const std::scoped_lock lock{f.mutex};
  const auto age = now > issued ? static_cast<std::uint64_t>((now - issued).count()) : 0;
  note(f, {event_kind::notified, reader, cache, age, now, to});
  resolve(f, cache, issued, to);
  push_bounded(f.breaks, break_record{cache, issued, to, std::nullopt}, breaks_max);
}

bool oracle::was_tightened(const file_record& f, const suspicion& s) const {
  // MS-FSA 2.1.4.12: if data is written during a break to Read, the break becomes one to none
  // without a second notification. The holder is notified after its acknowledgement.
  return std::any_of(f.breaks.begin(), f.breaks.end(), [&](const break_record& b) {
    return b.cache == s.read.cache && intersects(b.to, lease_state::read) &&
      b.issued <= s.missed.at + tolerance_ &&
      (!b.answered || *b.answered + tolerance_ >= s.missed.at);
  });
}

void oracle::resolve(file_record& f, cache_id cache, time_point issued, lease_state to) {
  std::vector<suspicion> left;
  for (auto& s : f.suspicions) {
    if (s.read.cache != cache) {
      left.push_back(std::move(s));
    } else if (issued + break_timeout_ <= s.missed.at + tolerance_) {
      // The deadline revoked the lease before the write completed.
      ++f.counts.reads_on_the_way;
    } else if (s.read.holds_write) {
      // A break of Write waits for the holder: nothing may be written before it has acknowledged.
      convict(f, std::move(s), "the reader held Write, and its break had not expired");
    } else if (intersects(to, lease_state::read)) {
      left.push_back(std::move(s));
    } else if (issued <= s.missed.at + tolerance_) {
      ++f.counts.reads_on_the_way;
    } else if (was_tightened(f, s)) {
      ++f.counts.reads_tightened;
    } else {
      convict(f, std::move(s), "the break was issued after the write had completed");
    }
  }
  f.suspicions = std::move(left);
}

void oracle::answered(std::size_t file, cache_id cache, time_point issued, time_point now) {
  auto& f = *files_[file];
  const std::scoped_lock lock{f.mutex};
  note(f, {event_kind::answered, 0, cache, 0, now, {}});
  for (auto& b : f.breaks)
    if (b.cache == cache && b.issued == issued && !b.answered)
      b.answered = now;
}

void oracle::ended(std::size_t file, cache_id cache, time_point now) {
  auto& f = *files_[file];
  const std::scoped_lock lock{f.mutex};
  note(f, {event_kind::ended, 0, cache, 0, now, {}});
  std::vector<suspicion> left;
  for (auto& s : f.suspicions)
    if (s.read.cache == cache && !s.read.holds_write && was_tightened(f, s))
      ++f.counts.reads_tightened; // no further notification will arrive
    else
      left.push_back(std::move(s));
  f.suspicions = std::move(left);
  for (auto& b : f.breaks)
    if (b.cache == cache && !b.answered)
      b.answered = now;
}

void oracle::ignored(std::size_t file, cache_id cache, time_point) {
  auto& f = *files_[file];
  const std::scoped_lock lock{f.mutex};
  if (std::find(f.ignored.begin(), f.ignored.end(), cache) == f.ignored.end())
    push_bounded(f.ignored, cache, ignored_max);
}

void oracle::finish() {
  for (auto& file : files_) {
    const std::scoped_lock lock{file->mutex};
    for (auto& s : std::exchange(file->suspicions, {}))
      convict(*file, std::move(s), "the reader was never notified");
  }
}

oracle_counts oracle::counts() const {
  oracle_counts sum;
  for (const auto& file : files_) {
    const std::scoped_lock lock{file->mutex};
    const auto& c = file->counts;
    sum.reads += c.reads;
    sum.writes += c.writes;
    sum.reads_on_the_way += c.reads_on_the_way;
    sum.reads_tightened += c.reads_tightened;
    sum.reads_excluded += c.reads_excluded;
    sum.writes_lost += c.writes_lost;
    sum.stale += c.stale;
  }
  return sum;
}

std::vector<stale_read> oracle::stale() const {
  std::vector<stale_read> all;
  for (const auto& file : files_) {
    const std::scoped_lock lock{file->mutex};
    all.insert(all.end(), file->stale.begin(), file->stale.end());
  }
  std::sort(all.begin(), all.end(),
    [](const auto& a, const auto& b) { return a.read.began < b.read.began; });
  if (all.size() > kept_max)
    all.resize(kept_max);
  return all;
}

} // namespace leasebreak::simulated
