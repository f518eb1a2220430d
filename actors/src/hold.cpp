// See hold.hpp.
#include <leasebreak/hold.hpp>

#include "client.hpp"
#include "hold_target.hpp"

#include <utility>

namespace leasebreak {

hold::hold(std::shared_ptr<detail::hold_target> target, hold_id id) noexcept
  : target_(std::move(target)), id_(id) {}

hold::hold(hold&& other) noexcept
  : target_(std::move(other.target_)), id_(std::exchange(other.id_, hold_id::none)) {}

hold& hold::operator=(hold&& other) noexcept {
  if (this != &other) {
    release();
    target_ = std::move(other.target_);
    id_ = std::exchange(other.id_, hold_id::none);
  }
  return *this;
}

hold::~hold() {
  release();
}

void hold::release() noexcept {
  if (const auto target = std::exchange(target_, nullptr))
    target->end(std::exchange(id_, hold_id::none));
}

break_report::break_report(std::function<void()> undeliverable)
  : undeliverable_(std::move(undeliverable)) {}

void break_report::undeliverable() const {
  // Repeating it does no harm: the break's id is not used again.
  if (undeliverable_)
    undeliverable_();
}

} // namespace leasebreak
