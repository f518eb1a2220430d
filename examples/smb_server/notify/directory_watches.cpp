// Completes CHANGE_NOTIFY requests with the changes of the table.
#include <smb_server/notify/directory_watches.hpp>

#include <smb_server/notify/watch_table.hpp>
#include <smb_server/wire/status.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace leasebreak::smb {

namespace {

/// Returns a change as a watch of `directory` reports it.
change_record record_of(const name_change& c, const std::string& directory) {
  const std::size_t before = directory.empty() ? 0 : directory.size() + 1;
  change_record record{c.action, c.name.substr(before)};
  std::replace(record.name.begin(), record.name.end(), '/', '\\');
  return record;
}

/// Returns nothing if the records exceed `bytes_max`.
std::optional<std::vector<change_record>> records_of(
  const std::vector<change_ptr>& changes, const std::string& directory, std::size_t bytes_max) {
  std::vector<change_record> result;
  std::size_t bytes = 0;
  for (const change_ptr& c : changes) {
    change_record record = record_of(*c, directory);
    // Skip repeated changes, for example of a file that is written all the time.
    if (!result.empty() && result.back() == record)
      continue;
    bytes += encoded_size(record);
    if (bytes > bytes_max)
      return std::nullopt;
    result.push_back(std::move(record));
  }
  return result;
}

} // namespace

watch::watch(std::shared_ptr<watch_table> table, watch_terms terms, asio::any_io_executor executor)
  : table_{std::move(table)}, terms_{std::move(terms)}, executor_{std::move(executor)} {
  table_->add(*this);
}

watch::~watch() {
  table_->remove(*this);
}

void watch::wait(notify_waiter& w) {
  waiting_.push_back(&w);
  answer();
}

void watch::leave(const notify_waiter& w) {
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), &w), waiting_.end());
}

void watch::answer() {
  while (!waiting_.empty()) {
    if (ended_ != 0) {
      answer_first(ended_);
      continue;
    }
    const auto taken = table_->take_or_await(*this);
    if (!taken)
      return;
    answer_first(taken->news, taken->directory);
  }
}

void watch::end(std::uint32_t status) {
  while (!waiting_.empty())
    answer_first(status);
  // A pending deletion may be revoked, a close may not.
  if (status != status::delete_pending)
    ended_ = status;
}

void watch::answer_first(std::uint32_t status) {
  notify_waiter& w = *waiting_.front();
  waiting_.pop_front();
  w.status = status;
  w.answered = true;
  w.timer.cancel();
}

void watch::answer_first(const change_log::news& news, const std::string& directory) {
  notify_waiter& w = *waiting_.front();
  const auto records =
    news.lost ? std::nullopt : records_of(news.changes, directory, terms_.bytes_max);
  if (records)
    w.data = encode_changes(*records);
  // MS-SMB2 3.3.5.19: if the changes do not fit, the client must list the directory.
  const bool fits = records && w.data.size() <= w.room;
  if (!fits)
    w.data.clear();
  answer_first(fits ? status::success : status::notify_enum_dir);
}

directory_watches::directory_watches(watch_limits limits)
  : table_{std::make_shared<watch_table>(limits)} {}

watch_ptr directory_watches::add(watch_terms terms, asio::any_io_executor executor) {
  return std::make_shared<watch>(table_, std::move(terms), std::move(executor));
}

void directory_watches::report(const void* share, const std::vector<name_change>& changes) {
  table_->report(share, changes);
}

void directory_watches::rename(const void* share, const std::string& from, const std::string& to) {
  table_->rename(share, from, to);
}

void directory_watches::report_gone(const void* share, const std::string& directory) {
  for (const watch_ptr& w : table_->of(share, directory))
    asio::post(w->executor(), [w] { w->end(status::delete_pending); });
}

std::size_t directory_watches::bytes() const {
  return table_->bytes();
}

} // namespace leasebreak::smb
