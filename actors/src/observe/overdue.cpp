#include "overdue.hpp"

#include "api/coordinator_impl.hpp"
#include "events.hpp"
#include "files/file_actor.hpp"
#include "report.hpp"

#include <algorithm>
#include <cstdint>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

void overdue_watch::begin(const coordinator_impl& owner) {
  const auto timeout = owner.shortest_break_timeout();
  if (timeout == duration::max())
    return;
  const auto half = owner.now() + timeout / 2;
  due_ = due_ == time_point{} ? half : std::min(due_, half);
}

void overdue_watch::end(break_id id, coordinator_impl& owner) {
  if (reported_ == nullptr || std::erase(*reported_, id) == 0)
    return;
  owner.count().add(counters::breaks_overdue, -1);
  if (reported_->empty())
    reported_.reset();
}

void overdue_watch::forget(coordinator_impl& owner) {
  due_ = {};
  if (reported_ == nullptr)
    return;
  owner.count().add(counters::breaks_overdue, -static_cast<std::int64_t>(reported_->size()));
  reported_.reset();
}

// A look scans all leases. There are at most 16 while a break lasts, however many other breaks
// begin meanwhile.
void overdue_watch::look(file_actor& file, coordinator_impl& owner, time_point now) {
  const auto timeout = owner.shortest_break_timeout();
  const auto found = file.state().overdue(now);
  due_ = found.next ? std::max(*found.next, now + timeout / 32) : time_point{};
  std::vector<break_id> still;
  std::vector<overdue_break> fresh;
  for (const auto& b : found.breaks) {
    still.push_back(b.id);
    if (reported_ == nullptr || !std::binary_search(reported_->begin(), reported_->end(), b.id))
      fresh.push_back(b);
  }
  std::sort(still.begin(), still.end());
  report_overdue(owner, file, fresh, now);
  const auto before = reported_ != nullptr ? reported_->size() : 0;
  owner.count().add(counters::breaks_overdue,
    static_cast<std::int64_t>(still.size()) - static_cast<std::int64_t>(before));
  reported_ = still.empty() ? nullptr : std::make_unique<std::vector<break_id>>(std::move(still));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
