// See hold.hpp.
#include <leasebreak/hold.hpp>

#include "client.hpp"
#include "file_link.hpp"

#include <utility>

namespace leasebreak {

hold::hold(std::shared_ptr<detail::file_link> link, hold_id id) noexcept
  : link_(std::move(link)), id_(id) {}

void hold::end() noexcept {
  std::exchange(link_, nullptr)->end(id_);
}

break_report::break_report(
  std::shared_ptr<detail::file_link> link, break_id id, std::uint32_t offer) noexcept
  : link_(std::move(link)), id_(id), offer_(offer) {}

void break_report::undeliverable() const {
  if (link_ != nullptr)
    link_->cannot_deliver({id_, offer_});
}

} // namespace leasebreak
