#include "batch.hpp"

#include <algorithm>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

store_status check(const persisted_lock& record) {
  if (const auto fault = validate(record))
    return failure(errc::record_malformed, to_string(*fault));
  return {};
}

store_result<std::vector<const record_change*>> effective(std::span<const record_change> changes) {
  std::vector<const record_change*> ordered;
  ordered.reserve(changes.size());
  for (const auto& change : changes) {
    if (change.put) {
      if (auto status = check(*change.put); !status.ok())
        return {std::move(status), {}};
      if (change.put->id != change.id)
        return {
          failure(errc::record_malformed,
            to_string({change.id, "id", "differs from that in the record: " + change.put->id})),
          {}};
    }
    ordered.push_back(&change);
  }
  std::stable_sort(
    ordered.begin(), ordered.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
  std::vector<const record_change*> last;
  last.reserve(ordered.size());
  for (const auto* change : ordered) {
    if (!last.empty() && last.back()->id == change->id)
      last.back() = change;
    else
      last.push_back(change);
  }
  return {{}, std::move(last)};
}

store_result<persisted_lock> pick_for_reclaim(
  std::vector<persisted_lock> of_file, const lease_key& key, std::string_view client_id) {
  bool of_another = false;
  for (auto& record : of_file) {
    if (!std::equal(
          record.lease_key.begin(), record.lease_key.end(), key.bytes.begin(), key.bytes.end()))
      continue;
    // An empty client id proves nothing, and thus matches no record.
    if (!client_id.empty() && record.client_id == client_id)
      return {{}, std::move(record)};
    of_another = true;
  }
  if (of_another)
    return {failure(errc::wrong_owner, "the lease belongs to another client"), {}};
  return {failure(errc::record_not_found, "no lease with this key on the file"), {}};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
