// Counting is lock-free; only the lookup of a user's counters locks.
#include <smb_server/session/user_shares.hpp>

#include <smb_server/vfs/worker_pool.hpp>

#include <algorithm>

namespace leasebreak::smb {

namespace {

std::shared_ptr<share_counter> lock_or_make(std::weak_ptr<share_counter>& weak, std::size_t most) {
  auto result = weak.lock();
  if (!result) {
    result = std::make_shared<share_counter>(most);
    weak = result;
  }
  return result;
}

} // namespace

bool share_counter::take(std::size_t count) noexcept {
  std::size_t now = taken_;
  do {
    if (now > most_ || count > most_ - now)
      return false;
  } while (!taken_.compare_exchange_weak(now, now + count));
  return true;
}

taken_share& taken_share::operator=(taken_share&& other) noexcept {
  taken_share before{std::move(*this)};
  of_ = std::move(other.of_);
  count_ = std::exchange(other.count_, 0);
  return *this;
}

taken_share taken_share::take(std::shared_ptr<share_counter> of, std::size_t count) {
  if (!of->take(count))
    return {};
  return {std::move(of), count};
}

taken_share taken_share::take_anyway(std::shared_ptr<share_counter> of, std::size_t count) {
  of->take_anyway(count);
  return {std::move(of), count};
}

void taken_share::merge(taken_share other) noexcept {
  if (of_ == nullptr)
    of_ = other.of_;
  if (of_ == other.of_)
    count_ += std::exchange(other.count_, 0);
}

void taken_share::give_back(std::size_t count) noexcept {
  const std::size_t some = std::min(count, count_);
  if (some > 0)
    of_->give_back(some);
  count_ -= some;
}

user_share user_shares::of(const std::string& user) {
  const std::lock_guard lock{mutex_};
  weak_share& known = users_[user];
  if (known.number == 0)
    known.number = vfs::new_lane_number();
  return {
    known.number, lock_or_make(known.opens, most_.opens), lock_or_make(known.locks, most_.locks)};
}

} // namespace leasebreak::smb
