// Finds the logs for a change, from its directory up to the root.
#include <smb_server/notify/watch_table.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::smb {

void watch_table::add(watch& w) {
  const watch_terms& t = w.terms();
  const std::lock_guard lock{mutex_};
  directory& d = shares_[t.share][t.directory];
  auto found = std::find_if(d.entries.begin(), d.entries.end(), [&](const auto& e) {
    return e.whose == owner_of(t) && e.recursive == t.recursive && e.filter == t.filter;
  });
  if (found == d.entries.end()) {
    d.entries.push_back({owner_of(t), t.recursive, t.filter, std::make_unique<watched_log>()});
    found = std::prev(d.entries.end());
    found->log->directory = t.directory;
    clients_[owner_of(t)].logs.insert(found->log.get());
  }
  watched_log& log = *found->log;
  w.place_ = log.idle.insert(log.idle.end(), &w);
  w.log_ = &log;
  w.read_ = log.changes.join();
  any_ = true;
}

void watch_table::remove(watch& w) noexcept {
  const std::lock_guard lock{mutex_};
  if (w.log_ == nullptr)
    return;
  watched_log& log = *std::exchange(w.log_, nullptr);
  (w.awaiting_ ? log.awaiting : log.idle).erase(w.place_);
  const std::size_t before = log.changes.bytes();
  log.changes.leave(w.read_);
  count(owner_of(w.terms()), before, log.changes.bytes());
  if (log.idle.empty() && log.awaiting.empty())
    drop_log(w.terms(), log);
}

void watch_table::drop_log(const watch_terms& terms, watched_log& log) {
  const auto whose = clients_.find(owner_of(terms));
  whose->second.logs.erase(&log);
  if (whose->second.logs.empty())
    clients_.erase(whose);
  const auto share = shares_.find(terms.share);
  const auto d = share->second.find(log.directory);
  std::erase_if(d->second.entries, [&log](const auto& e) { return e.log.get() == &log; });
  if (d->second.entries.empty())
    share->second.erase(d);
  if (share->second.empty())
    shares_.erase(share);
  any_ = !shares_.empty();
}

std::optional<watch_table::taken> watch_table::take_or_await(watch& w) {
  const std::lock_guard lock{mutex_};
  watched_log& log = *w.log_;
  if (log.changes.has_news(w.read_)) {
    const std::size_t before = log.changes.bytes();
    taken result{log.changes.take(w.read_), log.directory};
    count(owner_of(w.terms()), before, log.changes.bytes());
    return result;
  }
  if (!std::exchange(w.awaiting_, true))
    log.awaiting.splice(log.awaiting.end(), log.idle, w.place_);
  return std::nullopt;
}

void watch_table::report(const void* share, const std::vector<name_change>& changes) {
  if (!any_) // the usual case
    return;
  std::vector<watch_ptr> woken;
  {
    const std::lock_guard lock{mutex_};
    for (const name_change& c : changes)
      append(share, std::make_shared<const name_change>(c), woken);
  }
  for (const watch_ptr& w : woken)
    asio::post(w->executor(), [w] { w->answer(); });
}

void watch_table::append(const void* share, const change_ptr& c, std::vector<watch_ptr>& woken) {
  const auto found = shares_.find(share);
  if (found == shares_.end())
    return;
  std::string path = c->name;
  bool is_parent = true;
  while (!path.empty()) {
    const std::size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
    const auto d = found->second.find(path);
    if (d != found->second.end())
      append(d->second, c, is_parent, woken);
    is_parent = false;
  }
}

void watch_table::append(
  directory& d, const change_ptr& c, bool is_parent, std::vector<watch_ptr>& woken) {
  for (const auto& e : d.entries) {
    if ((!is_parent && !e.recursive) || (c->what & e.filter) == 0)
      continue;
    const std::size_t before = e.log->changes.bytes();
    e.log->changes.add(c);
    count(e.whose, before, e.log->changes.bytes());
    wake(*e.log, woken);
    keep_within_limits(e.whose);
  }
}

void watch_table::wake(watched_log& log, std::vector<watch_ptr>& woken) {
  woken.reserve(woken.size() + log.awaiting.size()); // the loop must not throw
  for (watch* const w : log.awaiting) {
    w->awaiting_ = false;
    if (auto alive = w->weak_from_this().lock())
      woken.push_back(std::move(alive));
  }
  log.idle.splice(log.idle.end(), log.awaiting);
}

void watch_table::count(const owner& whose, std::size_t before, std::size_t after) {
  client& c = clients_.at(whose);
  c.bytes = c.bytes - before + after;
  bytes_ = bytes_ - before + after;
}

void watch_table::keep_within_limits(const owner& whose) {
  client& c = clients_.at(whose);
  if (c.bytes > limits_.client_bytes)
    forget_changes(c);
  if (bytes_ > limits_.total_bytes)
    forget_changes(client_with_most());
}

// A user cannot gain by spreading its watches over several clients.
watch_table::client& watch_table::client_with_most() {
  std::unordered_map<std::uint64_t, std::size_t> of_user;
  for (const auto& [whose, c] : clients_)
    of_user[whose.user] += c.bytes;
  const auto rank = [&](const auto& entry) {
    return std::pair{of_user.at(entry.first.user), entry.second.bytes};
  };
  return std::max_element(clients_.begin(), clients_.end(), [&](const auto& a, const auto& b) {
    return rank(a) < rank(b);
  })->second;
}

void watch_table::forget_changes(client& c) noexcept {
  for (watched_log* const log : c.logs)
    log->changes.clear();
  bytes_ -= std::exchange(c.bytes, 0);
}

namespace {

bool is_at_or_below(const std::string& path, const std::string& directory) {
  return path.compare(0, directory.size(), directory) == 0 &&
    (path.size() == directory.size() || path[directory.size()] == '/');
}

} // namespace

void watch_table::rename(const void* share, const std::string& from, const std::string& to) {
  if (!any_ || from.empty() || from == to)
    return;
  const std::lock_guard lock{mutex_};
  const auto found = shares_.find(share);
  if (found == shares_.end())
    return;
  std::vector<std::pair<std::string, std::string>> moves;
  for (const auto& [path, d] : found->second)
    if (is_at_or_below(path, from))
      moves.emplace_back(path, to + path.substr(from.size()));
  for (auto& [old, now] : moves)
    move_logs(found->second, old, std::move(now));
}

// The target may have watches, too: those of a directory that was replaced.
void watch_table::move_logs(directories& all, const std::string& from, std::string to) {
  auto& target = all[to].entries;
  const auto source = all.find(from);
  target.reserve(target.size() + source->second.entries.size()); // from here on, nothing throws
  for (auto& e : source->second.entries) {
    const std::size_t before = e.log->changes.bytes();
    e.log->changes.clear();
    count(e.whose, before, e.log->changes.bytes());
    e.log->directory = to;
    target.push_back(std::move(e));
  }
  all.erase(source);
}

std::vector<watch_ptr> watch_table::of(const void* share, const std::string& name) {
  std::vector<watch_ptr> result;
  if (!any_)
    return result;
  const std::lock_guard lock{mutex_};
  const auto found = shares_.find(share);
  if (found == shares_.end())
    return result;
  const auto d = found->second.find(name);
  if (d == found->second.end())
    return result;
  for (const auto& e : d->second.entries) {
    for (const auto* list : {&e.log->idle, &e.log->awaiting}) {
      for (watch* const w : *list) {
        if (auto alive = w->weak_from_this().lock())
          result.push_back(std::move(alive));
      }
    }
  }
  return result;
}

std::size_t watch_table::bytes() const {
  const std::lock_guard lock{mutex_};
  return bytes_;
}

} // namespace leasebreak::smb
