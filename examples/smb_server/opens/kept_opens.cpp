// The tables of kept opens, and of the connections of durable opens.
#include <smb_server/opens/kept_opens.hpp>

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
  expected_.try_emplace(handle, false);
}

bool kept_opens::keep(open_ptr o) {
  const std::lock_guard lock{mutex_};
  attached_.erase(o->handle);
  if (const auto way = expected_.find(o->handle); way != expected_.end()) {
    const bool is_lost = way->second;
    expected_.erase(way);
    if (is_lost) {
      forget_create_guid(*o);
      return false;
    }
  }
  if (lost_in_recovery_.erase(o->handle) != 0)
    return false;
  by_handle_[o->handle] = o->id.persistent;
  note_create_guid(o);
  by_id_[o->id.persistent] = std::move(o);
  return true;
}

void kept_opens::forget(const open& o) {
  const std::lock_guard lock{mutex_};
  attached_.erase(o.handle);
  expected_.erase(o.handle);
  forget_create_guid(o);
}

open_ptr kept_opens::find(std::uint64_t persistent) const {
  const std::lock_guard lock{mutex_};
  const auto found = by_id_.find(persistent);
  return found == by_id_.end() ? nullptr : found->second;
}

open_ptr kept_opens::find(const client_guid& client, const guid& create_guid) const {
  const std::lock_guard lock{mutex_};
  const auto found = by_create_guid_.find(create_guid);
  open_ptr o = found != by_create_guid_.end() ? found->second.lock() : nullptr;
  return o && o->client == client ? o : nullptr;
}

bool kept_opens::take(const open_ptr& o, const std::shared_ptr<connection>& by) {
  const std::lock_guard lock{mutex_};
  const auto found = by_id_.find(o->id.persistent);
  if (found == by_id_.end() || found->second != o)
    return false;
  by_handle_.erase(o->handle);
  by_id_.erase(found);
  expected_.try_emplace(o->handle, false);
  attached_[o->handle] = by;
  return true;
}

open_ptr kept_opens::lose(open_id handle) {
  const std::lock_guard lock{mutex_};
  const auto found = by_handle_.find(handle);
  if (found == by_handle_.end()) {
    if (const auto way = expected_.find(handle); way != expected_.end())
      way->second = true;
    else if (recovering_)
      lost_in_recovery_.insert(handle);
    return nullptr;
  }
  const auto entry = by_id_.find(found->second);
  open_ptr result = std::move(entry->second);
  by_id_.erase(entry);
  by_handle_.erase(found);
  forget_create_guid(*result);
  return result;
}

// If two opens have the same CreateGuid, the later one is found.
void kept_opens::note_create_guid(const open_ptr& o) {
  if (o->durable && o->durable->version == 2)
    by_create_guid_[o->durable->create_guid] = o;
}

void kept_opens::forget_create_guid(const open& o) {
  if (!o.durable || o.durable->version != 2)
    return;
  const auto found = by_create_guid_.find(o.durable->create_guid);
  if (found == by_create_guid_.end())
    return;
  const open_ptr noted = found->second.lock();
  if (!noted || noted.get() == &o)
    by_create_guid_.erase(found);
}

void kept_opens::recovered() {
  const std::lock_guard lock{mutex_};
  recovering_ = false;
  lost_in_recovery_.clear();
}

std::size_t kept_opens::size() const {
  const std::lock_guard lock{mutex_};
  return by_id_.size();
}

} // namespace leasebreak::smb
