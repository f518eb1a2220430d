#include <smb_server/session/channel_group.hpp>

namespace leasebreak::smb {

channel_group_ptr channel_groups::of(
  const leasebreak::client_guid& client, boost::asio::any_io_executor fresh) {
  const std::lock_guard lock{mutex_};
  std::weak_ptr<channel_group>& entry = groups_[client];
  if (auto there = entry.lock())
    return there;
  const auto end = [weak = weak_from_this(), client](const channel_group* g) {
    delete g;
    if (const auto self = weak.lock())
      self->forget(client);
  };
  channel_group_ptr made{new channel_group{client, std::move(fresh)}, end};
  entry = made;
  return made;
}

channel_group_ptr channel_groups::find(const leasebreak::client_guid& client) const {
  const std::lock_guard lock{mutex_};
  const auto found = groups_.find(client);
  return found == groups_.end() ? nullptr : found->second.lock();
}

std::size_t channel_groups::size() const {
  const std::lock_guard lock{mutex_};
  return groups_.size();
}

void channel_groups::forget(const leasebreak::client_guid& client) {
  const std::lock_guard lock{mutex_};
  const auto found = groups_.find(client);
  // The client may have connected again, with another group.
  if (found != groups_.end() && found->second.expired())
    groups_.erase(found);
}

} // namespace leasebreak::smb
