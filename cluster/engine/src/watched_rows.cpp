#include "watched_rows.hpp"

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

std::vector<node_id> watched_rows::read(
  const numbers& rows, clock::time_point sent, clock::time_point now) {
  std::vector<node_id> expired;
  std::map<node_id, seen> next;
  for (const auto& [node, number] : rows) {
    const auto before = rows_.find(node);
    const bool is_same = before != rows_.end() && before->second.number == number;
    const auto& as = next[node] = is_same ? before->second : seen{number, now};
    if (sent - as.since >= lease_)
      expired.push_back(node);
  }
  rows_ = std::move(next);
  return expired;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
