#include <leasebreak/model/stored_change.hpp>

#include "file/parts.hpp"

#include <leasebreak/model/keyed_hash.hpp>

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

std::size_t text_of(const persisted_lock& r) noexcept {
  const auto bytes = r.id.size() + r.share_name.size() + r.file_id.size() + r.owner_id.size() +
    r.client_id.size() + r.delegation_id.size();
  return r.open ? bytes + r.open->server_state.size() : bytes;
}

} // namespace

record_name::record_name(std::string id)
  : id_(std::move(id)), hash_(static_cast<std::size_t>(keyed_hash(id_))),
    second_hash_(keyed_hash(id_, 1)) {}

enhanced_lock to_enhanced_lock(const lease_snapshot& lease, std::string id) {
  enhanced_lock lock;
  lock.id = std::move(id);
  lock.owner.owner_id = lease.info.is_oplock ? "smb:oplock:" + detail::to_hex(lease.first_open)
                                             : "smb:lease:" + to_string(lease.info.key);
  lock.owner.client_id = to_string(lease.client);
  lock.owner.share = lease.share;
  lock.file_id = lease.file_id;
  lock.exclusive = intersects(lease.info.state, lease_state::write);
  lock.acquired_at = lease.acquired_at;
  lock.lease = lease.info;
  return lock;
}

stored_change::stored_change(record_change change) : name(make_record_name(std::move(change.id))) {
  if (change.put)
    put = std::move(*change.put);
}

std::size_t stored_change::text_bytes() const noexcept {
  if (const auto* const lease = std::get_if<lease_snapshot>(&put))
    return name->id().size() + lease->share.size() + lease->file_id.size();
  const auto* const record = std::get_if<persisted_lock>(&put);
  return record != nullptr ? text_of(*record) : 0;
}

record_change stored_change::to_record() && {
  if (const auto* const lease = std::get_if<lease_snapshot>(&put))
    return {
      name->id(), to_persisted_lock(to_enhanced_lock(*lease, name->id()), lease->server_epoch)};
  if (auto* const record = std::get_if<persisted_lock>(&put))
    return {name->id(), std::move(*record)};
  return {name->id(), std::nullopt};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
