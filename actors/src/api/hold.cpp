#include <leasebreak/entry_guard.hpp>
#include <leasebreak/hold.hpp>

#include "clients/client.hpp"
#include "files/file_link.hpp"

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace detail {

template <class Id>
void file_claim<Id>::end() noexcept {
  std::exchange(link_, nullptr)->end(id_);
}

template class file_claim<hold_id>;
template class file_claim<guard_id>;

} // namespace detail

break_report::break_report(
  std::shared_ptr<detail::file_link> link, break_id id, std::uint32_t offer) noexcept
  : link_(std::move(link)), id_(id), offer_(offer) {}

void break_report::undeliverable() const {
  if (link_ != nullptr)
    link_->cannot_deliver({id_, offer_});
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
