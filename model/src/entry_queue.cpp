#include <leasebreak/model/entry_queue.hpp>

#include <algorithm>
#include <leasebreak/model/internal/mutant.hpp>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

// Count a second name that equals the first only once, because a guard must not wait for itself.
std::vector<const std::string*> entry_queue::distinct(const guarded_names& names) {
  if (names.is_whole())
    return {};
  if (names.also.empty() || names.also == names.name)
    return {&names.name};
  return {&names.name, &names.also};
}

entry_queue::answer entry_queue::ask(guarded_names names) {
  if (names.is_whole() && !names.also.empty())
    return {errc::invalid_argument, {}, false};
  if (guards_.size() >= guards_max_)
    return {errc::too_many_guards, {}, false};
  const guard_id id{++last_};
  guard asked{std::move(names), wholes_.size()};
  if (asked.names.is_whole()) {
    asked.ahead = guards_.size();
    wholes_.push_back(id);
  }
  for (const auto* name : distinct(asked.names)) {
    auto& line = by_name_[*name];
    asked.ahead += LEASEBREAK_MUTANT(guards_are_shared) ? 0 : line.size();
    line.push_back(id);
  }
  const bool is_held = asked.ahead == 0;
  if (!is_held)
    ++waiting_;
  guards_.emplace_hint(guards_.end(), id, std::move(asked));
  return {errc::success, id, is_held};
}

void entry_queue::step_forward(guard_id id, std::vector<guard_id>& held) {
  auto& next = guards_.at(id);
  if (--next.ahead != 0)
    return;
  --waiting_;
  held.push_back(id);
}

void entry_queue::leave_name(const std::string& name, guard_id id, std::vector<guard_id>& held) {
  const auto line = by_name_.find(name);
  auto& ids = line->second;
  const auto at = ids.erase(std::find(ids.begin(), ids.end(), id));
  for (auto later = at; later != ids.end(); ++later)
    step_forward(*later, held);
  if (ids.empty())
    by_name_.erase(line);
}

void entry_queue::end(guard_id id, std::vector<guard_id>& held) {
  const auto found = guards_.find(id);
  if (found == guards_.end())
    return;
  const guard ended = std::move(found->second);
  if (ended.ahead != 0)
    --waiting_;
  const auto behind = guards_.erase(found);
  const auto first_new = static_cast<std::ptrdiff_t>(held.size());
  for (const auto* name : distinct(ended.names))
    leave_name(*name, id, held);
  if (ended.names.is_whole()) {
    std::erase(wholes_, id);
    for (auto later = behind; later != guards_.end(); ++later)
      step_forward(later->first, held);
  } else {
    for (const auto whole : wholes_)
      if (whole > id)
        step_forward(whole, held);
  }
  std::sort(held.begin() + first_new, held.end());
}

std::vector<guard_id> entry_queue::take_waiting() {
  std::vector<guard_id> taken;
  for (const auto& [id, each] : guards_)
    if (each.ahead != 0)
      taken.push_back(id);
  // Begin with the last, so that no waiting guard becomes held because an earlier one is removed.
  std::vector<guard_id> none;
  for (auto id = taken.rbegin(); id != taken.rend(); ++id)
    end(*id, none);
  return taken;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
