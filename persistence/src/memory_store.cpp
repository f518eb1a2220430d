#include <leasebreak/persistence/memory_store.hpp>

#include "batch.hpp"

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

using detail::failure;

store_status closed() {
  return failure(errc::store_closed, "memory");
}

} // namespace

store_status memory_store::put(const persisted_lock& record) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return closed();
  if (auto status = detail::check(record); !status.ok())
    return status;
  put_locked(record);
  return {};
}

store_result<persisted_lock> memory_store::get(std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return {closed(), {}};
  const auto found = records_.find(id);
  if (found == records_.end())
    return {failure(errc::record_not_found, std::string{id}), {}};
  return {{}, found->second};
}

store_status memory_store::erase(std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return closed();
  const auto found = records_.find(id);
  if (found == records_.end())
    return failure(errc::record_not_found, std::string{id});
  erase_locked(found);
  return {};
}

store_result<lock_listing> memory_store::list(const lock_query& query) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return {closed(), {}};
  lock_listing listing;
  const auto add = [&](const persisted_lock& record) {
    if (query.matches(record))
      listing.records.push_back(record);
  };
  if (query.file_id.empty() && query.owner_id.empty() && query.client_id.empty()) {
    for (const auto& [id, record] : records_)
      add(record);
  } else if (const auto* ids = candidates(query)) {
    for (const auto id : *ids)
      add(records_.find(id)->second);
  }
  return {{}, std::move(listing)};
}

store_result<std::size_t> memory_store::erase_by_client(std::string_view client_id) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return {closed(), {}};
  return {{}, erase_all_locked(by_client_, client_id)};
}

store_result<std::size_t> memory_store::erase_by_file(std::string_view file_id) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return {closed(), {}};
  return {{}, erase_all_locked(by_file_, file_id)};
}

store_status memory_store::apply(std::span<const record_change> changes) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return closed();
  const auto checked = detail::effective(changes);
  if (!checked.ok())
    return checked.status;
  for (const auto* change : checked.value) {
    if (change->put)
      put_locked(*change->put);
    else if (const auto found = records_.find(change->id); found != records_.end())
      erase_locked(found);
  }
  return {};
}

store_result<std::uint64_t> memory_store::server_epoch() {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return {closed(), {}};
  return {{}, epoch_};
}

store_result<std::uint64_t> memory_store::increment_server_epoch() {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return {closed(), {}};
  return {{}, ++epoch_};
}

store_result<bool> memory_store::clean_shutdown() {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return {closed(), {}};
  return {{}, clean_};
}

store_status memory_store::set_clean_shutdown(bool clean) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return closed();
  clean_ = clean;
  return {};
}

store_result<persisted_lock> memory_store::reclaim(
  std::string_view file_id, const lease_key& key, std::string_view client_id) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return {closed(), {}};
  std::vector<persisted_lock> of_file;
  if (const auto found = by_file_.find(std::string{file_id}); found != by_file_.end()) {
    for (const auto id : found->second)
      of_file.push_back(records_.find(id)->second);
  }
  return detail::pick_for_reclaim(std::move(of_file), key, client_id);
}

void memory_store::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  by_file_.clear();
  by_owner_.clear();
  by_client_.clear();
  records_.clear();
}

std::string memory_store::description() const {
  return "memory";
}

void memory_store::put_locked(const persisted_lock& record) {
  auto found = records_.find(record.id);
  if (found != records_.end()) {
    const auto& old = found->second;
    if (old.file_id == record.file_id && old.owner_id == record.owner_id &&
      old.client_id == record.client_id) {
      found->second = record;
      return;
    }
    erase_locked(found);
  }
  found = records_.emplace(record.id, record).first;
  const std::string_view id = found->first;
  by_file_[record.file_id].insert(id);
  by_owner_[record.owner_id].insert(id);
  by_client_[record.client_id].insert(id);
}

void memory_store::erase_locked(record_map::iterator where) {
  const auto remove = [id = std::string_view{where->first}](index& from, const std::string& value) {
    const auto row = from.find(value);
    row->second.erase(id);
    if (row->second.empty())
      from.erase(row);
  };
  remove(by_file_, where->second.file_id);
  remove(by_owner_, where->second.owner_id);
  remove(by_client_, where->second.client_id);
  records_.erase(where);
}

std::size_t memory_store::erase_all_locked(const index& from, std::string_view value) {
  if (value.empty())
    return 0;
  const auto row = from.find(std::string{value});
  if (row == from.end())
    return 0;
  // A copy, because the row is erased with its last record.
  const std::vector<std::string_view> ids(row->second.begin(), row->second.end());
  for (const auto id : ids)
    erase_locked(records_.find(id));
  return ids.size();
}

const memory_store::id_set* memory_store::candidates(const lock_query& query) const {
  const auto row = [](const index& in, const std::string& value) -> const id_set* {
    const auto found = in.find(value);
    return found == in.end() ? nullptr : &found->second;
  };
  if (!query.file_id.empty())
    return row(by_file_, query.file_id);
  if (!query.owner_id.empty())
    return row(by_owner_, query.owner_id);
  return row(by_client_, query.client_id);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
