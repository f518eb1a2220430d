// Lookup of opens.
#include <smb_server/opens/open_table.hpp>

#include <utility>

namespace leasebreak::smb {

void open_table::add(open_ptr o) {
  by_handle_[o->handle] = o;
  o->is_replayable = o->create_guid.has_value();
  if (o->is_replayable)
    unused_[*o->create_guid] = o;
  by_id_[o->id.volatile_id] = std::move(o);
}

open_ptr open_table::remove(const file_id& id) {
  const auto found = by_id_.find(id.volatile_id);
  if (found == by_id_.end() || found->second->id != id)
    return nullptr;
  open_ptr result = std::move(found->second);
  by_id_.erase(found);
  by_handle_.erase(result->handle);
  used(*result);
  return result;
}

open_ptr open_table::find(const file_id& id, std::uint64_t session_id, const tree_ptr& tree) const {
  const auto found = by_id_.find(id.volatile_id);
  if (found == by_id_.end() || found->second->id != id || found->second->session_id != session_id ||
    found->second->tree_connect != tree)
    return nullptr;
  return found->second;
}

open_ptr open_table::find(open_id handle) const {
  const auto found = by_handle_.find(handle);
  return found == by_handle_.end() ? nullptr : found->second;
}

open_ptr open_table::find_unused(const guid& create_guid) const {
  const auto found = unused_.find(create_guid);
  return found == unused_.end() ? nullptr : found->second;
}

void open_table::used(open& o) {
  o.is_replayable = false;
  if (const auto create_guid = std::exchange(o.create_guid, std::nullopt))
    unused_.erase(*create_guid);
}

std::vector<open_ptr> open_table::of_session(std::uint64_t session_id, const tree_ptr& tree) const {
  std::vector<open_ptr> result;
  for (const auto& [id, o] : by_id_) {
    if (o->session_id == session_id && (!tree || o->tree_connect == tree))
      result.push_back(o);
  }
  return result;
}

std::vector<open_ptr> open_table::all() const {
  std::vector<open_ptr> result;
  for (const auto& [id, o] : by_id_)
    result.push_back(o);
  return result;
}

} // namespace leasebreak::smb
