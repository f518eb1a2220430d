// Matches changes with watches, and remembers them until somebody asks.
#include <smb_server/directory_watches.hpp>

#include <smb_server/wire/status.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace leasebreak::smb {

std::optional<change_record> watch::record_of(const void* share, const name_change& c) const {
  if (share != terms_.share || (c.what & terms_.filter) == 0)
    return std::nullopt;
  const std::string prefix = terms_.directory.empty() ? "" : terms_.directory + "/";
  if (c.name.size() <= prefix.size() || !c.name.starts_with(prefix))
    return std::nullopt;
  change_record record{c.action, c.name.substr(prefix.size())};
  if (!terms_.recursive && record.name.find('/') != std::string::npos)
    return std::nullopt;
  std::replace(record.name.begin(), record.name.end(), '/', '\\');
  return record;
}

void watch::add(const std::vector<change_record>& changes) {
  for (const change_record& c : changes) {
    // The same again, as of a file that is written to all the time, tells nothing new.
    if (overflowed_ || (!changes_.empty() && changes_.back() == c))
      continue;
    bytes_ += encoded_size(c);
    changes_.push_back(c);
    if (bytes_ > terms_.bytes_max) {
      forget();
      overflowed_ = true;
    }
  }
  answer_next();
}

void watch::wait(notify_waiter& w) {
  waiting_.push_back(&w);
  answer_next();
}

void watch::leave(const notify_waiter& w) {
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), &w), waiting_.end());
}

void watch::end(std::uint32_t status) {
  const std::uint32_t before = std::exchange(ended_, status);
  while (!waiting_.empty())
    answer_next();
  // A deletion may be taken back, a close may not.
  if (status == status::delete_pending)
    ended_ = before;
}

void watch::answer_next() {
  const bool has_news = ended_ != 0 || overflowed_ || !changes_.empty();
  if (waiting_.empty() || !has_news)
    return;
  notify_waiter& w = *waiting_.front();
  waiting_.pop_front();
  if (ended_ != 0) {
    w.status = ended_;
  } else {
    if (!overflowed_)
      w.data = encode_changes(changes_);
    // MS-SMB2 3.3.5.19: what does not fit has to be found out by listing the directory.
    if (overflowed_ || w.data.size() > w.room) {
      w.data.clear();
      w.status = status::notify_enum_dir;
    }
    forget();
    overflowed_ = false;
  }
  w.answered = true;
  w.timer.cancel();
}

void watch::forget() {
  changes_.clear();
  bytes_ = 0;
}

watch_ptr directory_watches::add(watch_terms terms, asio::any_io_executor executor) {
  auto result = std::make_shared<watch>(std::move(terms), std::move(executor));
  const std::lock_guard lock{mutex_};
  watches_.emplace_back(result);
  any_ = true;
  return result;
}

// Those that are gone are forgotten on the way.
std::vector<watch_ptr> directory_watches::all() {
  std::vector<watch_ptr> result;
  if (!any_) // as a rule
    return result;
  const std::lock_guard lock{mutex_};
  std::erase_if(watches_, [&result](const std::weak_ptr<watch>& weak) {
    auto w = weak.lock();
    if (!w)
      return true;
    result.push_back(std::move(w));
    return false;
  });
  any_ = !watches_.empty();
  return result;
}

void directory_watches::report(const void* share, const std::vector<name_change>& changes) {
  for (const watch_ptr& w : all()) {
    std::vector<change_record> records;
    for (const name_change& c : changes) {
      if (auto record = w->record_of(share, c))
        records.push_back(std::move(*record));
    }
    if (!records.empty())
      asio::post(w->executor(), [w, records = std::move(records)] { w->add(records); });
  }
}

void directory_watches::report_gone(const void* share, const std::string& directory) {
  for (const watch_ptr& w : all()) {
    if (w->terms().share == share && w->terms().directory == directory)
      asio::post(w->executor(), [w] { w->end(status::delete_pending); });
  }
}

} // namespace leasebreak::smb
