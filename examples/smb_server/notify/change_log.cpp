// Positions only grow; `entries_` holds those from `first_` on.
#include <smb_server/notify/change_log.hpp>

#include <utility>

namespace leasebreak::smb {

std::size_t log_bytes(const name_change& c) noexcept {
  constexpr std::size_t around = sizeof(name_change) + 48; // the entry and its allocations
  return around + c.name.size();
}

change_log::position change_log::join() noexcept {
  ++readers_at_end_;
  return end();
}

void change_log::leave(position at) noexcept {
  if (at < first_)
    return; // its changes were dropped, and it is not counted
  if (at == end())
    --readers_at_end_;
  else
    --entries_[at - first_].readers;
  while (!entries_.empty() && entries_.front().readers == 0)
    drop_first();
}

void change_log::add(change_ptr change) {
  const bool unread = readers_at_end_ == 0;
  if (unread && (entries_.empty() || *entries_.back().change == *change))
    return;
  const std::size_t size = log_bytes(*change);
  entries_.push_back({std::move(change), readers_at_end_});
  readers_at_end_ = 0;
  bytes_ += size;
}

change_log::news change_log::take(position& at) {
  news result;
  result.lost = at < first_;
  if (!result.lost) {
    for (auto i = at - first_; i < entries_.size(); ++i)
      result.changes.push_back(entries_[i].change);
  }
  leave(at);
  at = join();
  return result;
}

void change_log::clear() noexcept {
  while (!entries_.empty())
    drop_first();
  entries_.shrink_to_fit();
}

void change_log::drop_first() noexcept {
  bytes_ -= log_bytes(*entries_.front().change);
  entries_.pop_front();
  ++first_;
}

} // namespace leasebreak::smb
