// The tables of kept opens, and of the connections of durable opens.
#include <smb_server/opens/kept_opens.hpp>

#include <utility>

namespace leasebreak::smb {

void kept_opens::attach(const open_ptr& o, const std::shared_ptr<connection>& on) {
  const std::lock_guard lock{mutex_};
  attached_[o->handle] = on;
  note_create_guid(o);
}

std::shared_ptr<connection> kept_opens::connection_of(open_id handle) const {
  const std::lock_guard lock{mutex_};
  const auto found = attached_.find(handle);
  return found == attached_.end() ? nullptr : found->second.lock();
}

void kept_opens::expect(open_id handle) {
  const std::lock_guard lock{mutex_};
  expected_.try_emplace(handle);
}

std::optional<open_lost> kept_opens::keep(open_ptr o) {
  const std::lock_guard lock{mutex_};
  attached_.erase(o->handle);
  if (auto report = take_report(o->handle)) {
    forget_create_guid(*o);
    return report;
  }
  by_handle_[o->handle] = o->id.persistent;
  note_create_guid(o);
  by_id_[o->id.persistent] = std::move(o);
  return std::nullopt;
}

std::optional<open_lost> kept_opens::forget(const open& o) {
  const std::lock_guard lock{mutex_};
  attached_.erase(o.handle);
  forget_create_guid(o);
  return take_report(o.handle);
}

// The open is no longer expected. Requires the lock.
std::optional<open_lost> kept_opens::take_report(open_id handle) {
  if (const auto way = expected_.find(handle); way != expected_.end()) {
    std::optional<open_lost> report = std::move(way->second);
    expected_.erase(way);
    if (report)
      return report;
  }
  if (auto lost = lost_in_recovery_.extract(handle))
    return std::move(lost.mapped());
  return std::nullopt;
}

open_ptr kept_opens::find(std::uint64_t persistent) const {
  const std::lock_guard lock{mutex_};
  const auto found = by_id_.find(persistent);
  return found == by_id_.end() ? nullptr : found->second;
}

open_ptr kept_opens::find(const client_guid& client, const guid& create_guid) const {
  const std::lock_guard lock{mutex_};
  const auto found = by_create_guid_.find({client.bytes, create_guid});
  return found != by_create_guid_.end() ? found->second.lock() : nullptr;
}

bool kept_opens::take(const open_ptr& o, const std::shared_ptr<connection>& by) {
  const std::lock_guard lock{mutex_};
  const auto found = by_id_.find(o->id.persistent);
  if (found == by_id_.end() || found->second != o)
    return false;
  by_handle_.erase(o->handle);
  by_id_.erase(found);
  expected_.try_emplace(o->handle);
  attached_[o->handle] = by;
  return true;
}

open_ptr kept_opens::lose(std::optional<open_lost>& report) {
  const std::lock_guard lock{mutex_};
  const open_id handle = report->open;
  const auto found = by_handle_.find(handle);
  if (found == by_handle_.end()) {
    if (const auto way = expected_.find(handle); way != expected_.end())
      way->second = std::exchange(report, std::nullopt);
    else if (recovering_)
      lost_in_recovery_.emplace(handle, *std::exchange(report, std::nullopt));
    return nullptr;
  }
  const auto entry = by_id_.find(found->second);
  open_ptr result = std::move(entry->second);
  by_id_.erase(entry);
  by_handle_.erase(found);
  forget_create_guid(*result);
  return result;
}

std::vector<open_ptr> kept_opens::take_unrecoverable() {
  const std::lock_guard lock{mutex_};
  std::vector<open_ptr> result;
  for (auto entry = by_id_.begin(); entry != by_id_.end();) {
    if (entry->second->stored) {
      ++entry;
      continue;
    }
    by_handle_.erase(entry->second->handle);
    forget_create_guid(*entry->second);
    result.push_back(std::move(entry->second));
    entry = by_id_.erase(entry);
  }
  return result;
}

// If two opens of a client have the same CreateGuid, the later one is found.
void kept_opens::note_create_guid(const open_ptr& o) {
  if (o->durable && o->durable->version == 2)
    by_create_guid_[{o->client.bytes, o->durable->create_guid}] = o;
}

void kept_opens::forget_create_guid(const open& o) {
  if (!o.durable || o.durable->version != 2)
    return;
  const auto found = by_create_guid_.find({o.client.bytes, o.durable->create_guid});
  if (found == by_create_guid_.end())
    return;
  const open_ptr noted = found->second.lock();
  if (!noted || noted.get() == &o)
    by_create_guid_.erase(found);
}

void kept_opens::recovered() {
  const std::lock_guard lock{mutex_};
  recovering_ = false;
  lost_in_recovery_.clear(); // their files are gone
}

std::size_t kept_opens::size() const {
  const std::lock_guard lock{mutex_};
  return by_id_.size();
}

} // namespace leasebreak::smb
