// Breaks whose holders take long, for operators. Changes nothing.
#include "file/impl.hpp"

#include <algorithm>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

overdue_breaks file_state::impl::overdue(time_point now) const {
  overdue_breaks result;
  for (const auto& l : leases) {
    // A holder does not know of a recovered break, or of one that is held back for a response.
    if (!l->info.breaking || l->recovered || l->current_break == break_id::none ||
      l->break_due == time_point::max())
      continue;
    const auto due = l->info.break_started + (l->break_due - l->info.break_started) / 2;
    if (is_untold(*l) || due > now) {
      result.next = result.next ? std::min(*result.next, due) : due;
      continue;
    }
    overdue_break b;
    b.id = l->current_break;
    b.client = l->client;
    b.key = l->info.is_oplock ? lease_key{} : l->info.key;
    b.open = l->first_open;
    b.cause = l->cause;
    b.from = l->break_from;
    b.to = l->info.break_to;
    b.since = l->info.break_started;
    b.deadline = l->break_due;
    result.breaks.push_back(b);
  }
  return result;
}

std::vector<pending_wait> file_state::impl::waits(std::size_t most) const {
  std::vector<pending_wait> result;
  if (!rare)
    return result;
  for (const auto& w : rare->waiting) {
    if (result.size() == most)
      break;
    result.push_back({w.id, w.client});
  }
  return result;
}

break_id file_state::break_of(
  const client_guid& client, const lease_key& key, open_id open) const noexcept {
  const auto* const found = key.is_zero() ? impl_->find_open(open) : nullptr;
  for (const auto& l : impl_->leases) {
    const bool is_it = key.is_zero() ? found != nullptr && found->lease == l.get()
                                     : !l->info.is_oplock && l->info.key == key;
    if (is_it && l->client == client && l->info.breaking)
      return l->current_break;
  }
  return break_id::none;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
