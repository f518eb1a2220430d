#include "ledger.hpp"

#include <algorithm>

namespace leasebreak::small_world {

namespace {

template <class Predicate>
bool any_slot(const ledger& l, std::size_t holder, const Predicate& fits) {
  for (std::size_t s = 0; s < slot_count; ++s)
    if (l.slots[s].is != slot::status::free && l.holder_of(s) == holder && fits(l.slots[s]))
      return true;
  return false;
}

} // namespace

bool ledger::is_attended(std::size_t holder) const {
  return any_slot(
    *this, holder, [](const slot& s) { return s.is == slot::status::open && s.told; });
}

bool ledger::is_known(std::size_t holder) const {
  return any_slot(*this, holder, [](const slot& s) { return s.is_there() && s.was_told; });
}

bool ledger::has_answer_in_flight(std::size_t holder) const {
  return any_slot(*this, holder, [](const slot& s) { return s.answer.number != 0; });
}

bool ledger::is_there(std::size_t holder) const {
  return any_slot(*this, holder, [](const slot& s) { return s.is_there(); });
}

bool ledger::has_lost(std::size_t holder) const {
  return any_slot(*this, holder, [](const slot& s) { return s.is == slot::status::lost; });
}

bool ledger::any_open() const {
  return std::ranges::any_of(slots, &slot::is_there);
}

bool ledger::is_being_deleted() const {
  return std::ranges::find(changes, change::kind::deletion, &change::is) != changes.end();
}

bool ledger::may_be_behind() const {
  return world->answers &&
    std::ranges::any_of(views, [](const view& v) { return v.version == 1 || v.may_know_less; });
}

const operation* ledger::operation_in(std::size_t s) const {
  const auto found =
    std::ranges::find_if(operations, [s](const operation& o) { return o.what.slot == s; });
  return found != operations.end() ? &*found : nullptr;
}

} // namespace leasebreak::small_world
