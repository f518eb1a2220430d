// See pending_records.hpp.
#include "pending_records.hpp"

#include <functional>
#include <utility>

namespace leasebreak::detail {

// Two unrelated hashes: 128 bits that do not collide by chance.
pending_records::mark pending_records::mark_of(std::string_view id) noexcept {
  std::uint64_t fnv = 0xcbf29ce484222325U;
  for (const char c : id)
    fnv = (fnv ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return {std::hash<std::string_view>{}(id), fnv};
}

void pending_records::add(record_change change) {
  if (!change.put && !known_.contains(mark_of(change.id))) {
    changes_.erase(change.id);
    return;
  }
  changes_.insert_or_assign(std::move(change.id), std::move(change.put));
}

std::vector<record_change> pending_records::take() {
  std::vector<record_change> batch;
  batch.reserve(changes_.size());
  while (!changes_.empty()) {
    auto node = changes_.extract(changes_.begin());
    if (node.mapped())
      know(node.key()); // from now on it may be there
    batch.push_back({std::move(node.key()), std::move(node.mapped())});
  }
  return batch;
}

void pending_records::written(const std::vector<record_change>& batch) {
  for (const auto& change : batch)
    if (!change.put)
      known_.erase(mark_of(change.id));
}

void pending_records::put_back(std::vector<record_change> batch) {
  for (auto& change : batch)
    changes_.try_emplace(std::move(change.id), std::move(change.put));
}

} // namespace leasebreak::detail
