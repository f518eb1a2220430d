#include "record_mail.hpp"

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

bool record_mail::put(record_lot lot) {
  const std::lock_guard lock(mutex_);
  if (is_closed_)
    return false;
  size_.fetch_add(lot.changes.size());
  changes_ += lot.changes.size();
  lots_.push_back(std::move(lot));
  const bool urgent = always_urgent_ || changes_ >= changes_max_;
  const bool was_told = urgent ? is_urgent_ : is_noted_;
  is_noted_ = true;
  is_urgent_ |= urgent;
  return !was_told;
}

std::optional<record_mail::summary> record_mail::look() const {
  const std::lock_guard lock(mutex_);
  if (lots_.empty())
    return {};
  return summary{lots_.front().since, is_urgent_};
}

record_mail::content record_mail::take() {
  const std::lock_guard lock(mutex_);
  is_noted_ = is_urgent_ = false;
  return {std::exchange(lots_, {}), std::exchange(changes_, 0)};
}

void record_mail::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
