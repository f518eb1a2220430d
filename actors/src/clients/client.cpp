#include "client.hpp"

#include "files/file_actor.hpp"
#include "runtime/out_of_memory.hpp"

#include <algorithm>
#include <cstddef>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

client::client(const client_guid& guid, std::string label, break_sink sink,
  boost::asio::any_io_executor own, const boost::asio::any_io_executor& common)
  : guid_(guid), label_(std::move(label)), notifications_(*this, common) {
  notifications_.set(std::move(sink), std::move(own));
}

std::string client::label() const {
  const std::lock_guard lock(mutex_);
  return label_;
}

void client::set_label(std::string label) {
  const std::lock_guard lock(mutex_);
  label_.swap(label);
}

listed_client client::describe() const {
  const std::lock_guard lock(mutex_);
  return {guid_, label_, opens_, locks_.load(std::memory_order_relaxed)};
}

std::size_t client::hash_of_actor::operator()(const file_actor* file) const noexcept {
  return static_cast<std::size_t>(file->id());
}

errc client::add_channel(const channel_id& c, std::uint16_t dialect, std::size_t channels_max) {
  const std::lock_guard lock(mutex_);
  return retired_ ? errc::unknown_client : channels_.add(c, dialect, channels_max);
}

void client::lose(const std::optional<connection_id>& connection,
  const std::function<void(std::vector<file_ref>, std::vector<channel_id>)>& prepare) {
  const std::lock_guard lock(mutex_);
  auto left = channels_;
  std::vector<channel_id> heirs;
  if (connection)
    heirs = left.lose(*connection);
  else
    left.clear();
  prepare(files_locked(), std::move(heirs));
  channels_ = std::move(left);
}

bool client::end_session(
  session_id session, const std::function<void(std::vector<file_ref>)>& prepare) {
  const std::lock_guard lock(mutex_);
  auto left = channels_;
  if (!left.end(session))
    return false;
  prepare(files_locked());
  channels_ = std::move(left);
  return true;
}

bool client::has_session(session_id session) const {
  const std::lock_guard lock(mutex_);
  return channels_.has(session);
}

std::optional<channel_id> client::successor_of(const channel_id& c) const {
  const std::lock_guard lock(mutex_);
  return channels_.successor_of(c);
}

errc client::reserve_open(file_actor& file, const lease_key& key, std::size_t opens_max) {
  const std::lock_guard lock(mutex_);
  if (retired_)
    return errc::unknown_client;
  if (opens_ >= opens_max)
    return errc::too_many_opens_of_client;
  const auto known = files_.try_emplace(&file).first;
  if (!key.is_zero() && !bind_locked(key, file)) {
    if (known->second == 0)
      files_.erase(known);
    return errc::lease_key_in_use;
  }
  ++known->second;
  ++opens_;
  return errc::success;
}

// Has no effect if it throws.
bool client::bind_locked(const lease_key& key, const file_actor& file) {
  const auto [bound, is_new] = leases_.try_emplace(key, file.file_id());
  if (!is_new && bound->second.file != file.file_id())
    return false;
  ++bound->second.opens;
  return true;
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

bool client::reserve_locks(std::size_t n, std::size_t locks_max) noexcept {
  if (locks_.fetch_add(n, std::memory_order_relaxed) + n <= locks_max)
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

// Called as late as possible, so that channels are excluded that were lost since the break began.
bool client::find_way(break_notification& n) const {
  const bool had_any = !n.channels.empty();
  const std::lock_guard lock(mutex_);
  channels_.complete(n.channels, n.is_oplock);
  return !had_any || !n.channels.empty();
}

errc client_table::add(std::shared_ptr<client> c) {
  auto& s = shards_[index(c->guid())];
  const std::lock_guard lock(s.mutex);
  if (s.closed)
    return errc::shutting_down;
  const auto guid = c->guid();
  return s.clients.try_emplace(guid, std::move(c)).second ? errc::success : errc::client_exists;
}

errc client_table::remove(const client_guid& guid) {
  auto& s = shards_[index(guid)];
  std::shared_ptr<client> removed;
  {
    const std::lock_guard lock(s.mutex);
    const auto found = s.clients.find(guid);
    if (found == s.clients.end())
      return errc::unknown_client;
    std::erase_if(s.leaving, [](const auto& c) { return !c->notifications().is_called(); });
    if (found->second->notifications().is_called()) // maybe on this thread
      s.leaving.push_back(found->second);
    if (!found->second->retire())
      return errc::client_busy;
    removed = std::move(found->second);
    s.clients.erase(found);
  }
  removed->notifications().silence();
  return errc::success;
}

void client_table::silence_all() {
  for (auto& s : shards_) {
    std::vector<std::shared_ptr<client>> all;
    needs_memory("to end a coordinator", [&] {
      const std::lock_guard lock(s.mutex);
      s.closed = true;
      all.swap(s.leaving);
      for (const auto& [guid, c] : s.clients)
        all.push_back(c);
    });
    for (const auto& c : all)
      c->notifications().silence();
  }
}

std::shared_ptr<client> client_table::find(const client_guid& guid) const {
  const auto& s = shards_[index(guid)];
  const std::lock_guard lock(s.mutex);
  const auto found = s.clients.find(guid);
  return found == s.clients.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<client>> client_table::after(
  const client_guid& after, std::size_t most) const {
  std::vector<std::shared_ptr<client>> result;
  for (const auto& s : shards_) {
    const std::lock_guard lock(s.mutex);
    for (const auto& [guid, c] : s.clients)
      if (guid > after)
        result.push_back(c);
  }
  const auto wanted = result.begin() + static_cast<std::ptrdiff_t>(std::min(most, result.size()));
  std::partial_sort(result.begin(), wanted, result.end(),
    [](const auto& a, const auto& b) { return a->guid() < b->guid(); });
  result.erase(wanted, result.end());
  return result;
}

std::size_t client_table::size() const {
  std::size_t sum = 0;
  for (const auto& s : shards_) {
    const std::lock_guard lock(s.mutex);
    sum += s.clients.size();
  }
  return sum;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
