// See client.hpp.
#include "client.hpp"

#include "completions.hpp"
#include "file_actor.hpp"

#include <boost/asio/defer.hpp>

namespace leasebreak::detail {

client::client(const client_guid& guid, std::string label, break_sink sink,
  boost::asio::any_io_executor own, const boost::asio::any_io_executor& common)
  : guid_(guid), label_(std::move(label)), common_(common) {
  replace_sink(std::move(sink), std::move(own));
}

void client::replace_sink(break_sink sink, boost::asio::any_io_executor own) {
  const bool has_own = static_cast<bool>(own);
  auto next = std::make_shared<const target>(
    target{std::move(sink), has_own, has_own ? std::move(own) : common_});
  const std::lock_guard lock(untold_mutex_);
  target_.swap(next); // the old one is destroyed after the lock is released
}

client::target_ptr client::current_target() const {
  const std::lock_guard lock(untold_mutex_);
  return target_;
}

errc client::add_channel(const channel_id& c, std::uint16_t dialect, const limits& limit) {
  const std::lock_guard lock(mutex_);
  return retired_ ? errc::unknown_client : channels_.add(c, dialect, limit.channels_per_client);
}

std::vector<file_ref> client::lose(
  const std::optional<connection_id>& connection, std::vector<channel_id>& heirs) {
  const std::lock_guard lock(mutex_);
  if (connection)
    heirs = channels_.lose(*connection);
  else
    channels_.clear();
  return files_locked();
}

std::optional<std::vector<file_ref>> client::end_session(session_id session) {
  const std::lock_guard lock(mutex_);
  return channels_.end(session) ? std::optional(files_locked()) : std::nullopt;
}

bool client::has_session(session_id session) const {
  const std::lock_guard lock(mutex_);
  return channels_.has(session);
}

std::optional<channel_id> client::successor_of(const channel_id& c) const {
  const std::lock_guard lock(mutex_);
  return channels_.successor_of(c);
}

errc client::reserve_open(file_actor& file, const lease_key& key, const limits& limit) {
  const std::lock_guard lock(mutex_);
  if (retired_)
    return errc::unknown_client;
  if (opens_ >= limit.opens_per_client)
    return errc::too_many_opens_of_client;
  if (!key.is_zero()) {
    auto& bound = leases_[key];
    if (bound.opens == 0)
      bound.file = file.file_id();
    else if (bound.file != file.file_id())
      return errc::lease_key_in_use;
    ++bound.opens;
  }
  ++files_[&file];
  ++opens_;
  return errc::success;
}

void client::release_open(file_actor& file, const lease_key& key) {
  const std::lock_guard lock(mutex_);
  if (!key.is_zero())
    if (const auto found = leases_.find(key); found != leases_.end() && --found->second.opens == 0)
      leases_.erase(found);
  leave_locked(file);
  --opens_;
}

bool client::enter(file_actor& file) {
  const std::lock_guard lock(mutex_);
  if (!retired_)
    ++files_[&file];
  return !retired_;
}

void client::leave(file_actor& file) {
  const std::lock_guard lock(mutex_);
  leave_locked(file);
}

void client::leave_locked(file_actor& file) {
  if (const auto found = files_.find(&file); found != files_.end() && --found->second == 0)
    files_.erase(found);
}

bool client::reserve_locks(std::size_t n, const limits& limit) noexcept {
  if (locks_.fetch_add(n, std::memory_order_relaxed) + n <= limit.locks_per_client)
    return true;
  release_locks(n);
  return false;
}

void client::release_locks(std::size_t n) noexcept {
  locks_.fetch_sub(n, std::memory_order_relaxed);
}

file_name_id client::file_of(const lease_key& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = leases_.find(key);
  return found == leases_.end() ? file_name_id{} : found->second.file;
}

std::vector<file_ref> client::files() const {
  const std::lock_guard lock(mutex_);
  return files_locked();
}

std::vector<file_ref> client::files_locked() const {
  std::vector<file_ref> result;
  result.reserve(files_.size());
  for (const auto& [file, opens] : files_)
    result.emplace_back(*file);
  return result;
}

bool client::retire() {
  const std::lock_guard lock(mutex_);
  if (!files_.empty())
    return false;
  retired_ = true;
  return true;
}

void client::notify(std::shared_ptr<client> self, const break_notification& notification,
  const std::string& file, break_report report) {
  bool has_own_executor = false;
  {
    const std::lock_guard lock(self->untold_mutex_);
    self->untold_.push_back({notification, file, std::move(report)});
    if (std::exchange(self->is_telling_, true))
      return;
    has_own_executor = self->target_->has_own_executor;
  }
  if (auto* const batch = completion_batch::current(); batch != nullptr && !has_own_executor)
    batch->add(std::move(self));
  else
    tell_later(std::move(self));
}

// Not a strand: who is in line is decided in a file's turn, and who calls the sink after it.
void client::tell(std::shared_ptr<client> self) {
  constexpr int at_once_max = 16; // then others' turn
  const auto to = self->current_target();
  for (int told = 0; told != at_once_max; ++told) {
    bool is_other = false;
    auto what = self->next_untold(to, is_other);
    if (is_other)
      break; // the rest is to be told on another executor
    if (!what)
      return;
    self->tell(std::move(*what), to->sink);
  }
  tell_later(std::move(self));
}

// Deferred, not posted: as in asio_scheduler.cpp, nobody is to be woken up for it.
void client::tell_later(std::shared_ptr<client> self) {
  const auto executor = self->current_target()->executor;
  boost::asio::defer(executor, [self = std::move(self)]() mutable { tell(std::move(self)); });
}

std::optional<client::untold> client::next_untold(const target_ptr& to, bool& is_other) {
  const std::lock_guard lock(untold_mutex_);
  is_other = target_ != to;
  if (is_other)
    return std::nullopt;
  if (untold_.empty()) {
    is_telling_ = false;
    return std::nullopt;
  }
  std::optional<untold> next(std::move(untold_.front()));
  untold_.pop_front();
  return next;
}

void client::tell(untold what, const break_sink& sink) {
  if (!find_way(what.notification))
    return what.report.undeliverable();
  try {
    sink(what.notification, what.file, what.report);
  } catch (...) {
    // A sink must not throw; one that does has sent nothing that could be relied on.
    what.report.undeliverable();
  }
}

// As late as can be: what was lost or ended since the break began is no way any more.
bool client::find_way(break_notification& n) const {
  const bool had_any = !n.channels.empty();
  const std::lock_guard lock(mutex_);
  channels_.complete(n.channels, n.is_oplock);
  return !had_any || !n.channels.empty();
}

bool client_table::add(std::shared_ptr<client> c) {
  auto& s = shards_[index(c->guid())];
  const std::lock_guard lock(s.mutex);
  const auto guid = c->guid();
  return s.clients.try_emplace(guid, std::move(c)).second;
}

errc client_table::remove(const client_guid& guid) {
  auto& s = shards_[index(guid)];
  std::shared_ptr<client> removed; // destroyed after the lock is released, with its sink
  const std::lock_guard lock(s.mutex);
  const auto found = s.clients.find(guid);
  if (found == s.clients.end())
    return errc::unknown_client;
  if (!found->second->retire())
    return errc::client_busy;
  removed = std::move(found->second);
  s.clients.erase(found);
  return errc::success;
}

std::shared_ptr<client> client_table::find(const client_guid& guid) const {
  const auto& s = shards_[index(guid)];
  const std::lock_guard lock(s.mutex);
  const auto found = s.clients.find(guid);
  return found == s.clients.end() ? nullptr : found->second;
}

std::size_t client_table::size() const {
  std::size_t sum = 0;
  for (const auto& s : shards_) {
    const std::lock_guard lock(s.mutex);
    sum += s.clients.size();
  }
  return sum;
}

} // namespace leasebreak::detail
