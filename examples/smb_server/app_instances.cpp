// Looks up what an application left behind.
#include <smb_server/app_instances.hpp>

#include <smb_server/session.hpp>

namespace leasebreak::smb {

void app_instances::add(const open_ptr& o, const channel_group_ptr& in) {
  const std::lock_guard lock{mutex_};
  entries_.emplace(
    *o->app_instance, entry{o.get(), o, in, o->client, o->tree_connect->share->id(), o->name});
}

void app_instances::remove(const open& o) {
  if (!o.app_instance)
    return;
  const std::lock_guard lock{mutex_};
  const auto [begin, end] = entries_.equal_range(*o.app_instance);
  for (auto it = begin; it != end; ++it) {
    if (it->second.key == &o) {
      entries_.erase(it);
      return;
    }
  }
}

std::vector<app_instances::place> app_instances::left_behind(const guid& application,
  const leasebreak::client_guid& client, const void* share, const std::string& name) const {
  std::vector<place> result;
  const std::lock_guard lock{mutex_};
  const auto [begin, end] = entries_.equal_range(application);
  for (auto it = begin; it != end; ++it) {
    const entry& e = it->second;
    if (e.client == client || e.share != share || e.name != name)
      continue;
    if (open_ptr o = e.open_.lock())
      result.push_back({std::move(o), e.in.lock()});
  }
  return result;
}

} // namespace leasebreak::smb
