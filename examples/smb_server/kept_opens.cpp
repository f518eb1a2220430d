// Durable opens without a connection.
#include <smb_server/kept_opens.hpp>

namespace leasebreak::smb {

bool kept_opens::keep(open_ptr o) {
  const std::lock_guard lock{mutex_};
  if (lost_early_.erase(o->handle) != 0)
    return false;
  by_handle_[o->handle] = o->id.persistent;
  by_id_[o->id.persistent] = std::move(o);
  return true;
}

open_ptr kept_opens::find(std::uint64_t persistent) const {
  const std::lock_guard lock{mutex_};
  const auto found = by_id_.find(persistent);
  return found == by_id_.end() ? nullptr : found->second;
}

bool kept_opens::take(const open_ptr& o) {
  const std::lock_guard lock{mutex_};
  const auto found = by_id_.find(o->id.persistent);
  if (found == by_id_.end() || found->second != o)
    return false;
  by_handle_.erase(o->handle);
  by_id_.erase(found);
  return true;
}

open_ptr kept_opens::lose(open_id handle) {
  const std::lock_guard lock{mutex_};
  const auto found = by_handle_.find(handle);
  if (found == by_handle_.end()) {
    lost_early_.insert(handle);
    return nullptr;
  }
  const auto entry = by_id_.find(found->second);
  open_ptr result = std::move(entry->second);
  by_id_.erase(entry);
  by_handle_.erase(found);
  return result;
}

std::size_t kept_opens::size() const {
  const std::lock_guard lock{mutex_};
  return by_id_.size();
}

} // namespace leasebreak::smb
