#include "pending_records.hpp"

#include <iterator>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

// Longer records count as several.
constexpr std::size_t bytes_of_one = 1024;

std::size_t size_of(const stored_change& change) noexcept {
  return 1 + change.text_bytes() / bytes_of_one;
}

} // namespace

std::uint64_t pending_records::add(std::vector<stored_change> changes, time_point now) {
  const auto number = ++last_number_;
  // Merge groups before erasing: a record that was created and deleted in the meantime still ties
  // its step to the other records of that step.
  auto& to = join_all(new_group(number, now), changes);
  for (auto& change : changes)
    set(to, std::move(change));
  if (to.entries.empty())
    groups_.erase(to.number);
  return number;
}

std::uint64_t pending_records::oldest_number() const noexcept {
  return groups_.empty() ? last_number_ + 1 : groups_.begin()->first;
}

record_batch pending_records::take(std::size_t size_max) {
  record_batch batch;
  std::size_t size = 0;
  while (!groups_.empty()) {
    size += size_of(groups_.begin()->second);
    if (size > size_max && !batch.parts.empty())
      break;
    move_first_to(batch);
  }
  return batch;
}

void pending_records::written(const record_batch& batch) {
  for (const auto& change : batch.changes)
    if (!change.put)
      known_.erase(mark_of(record_name(change.id)));
}

void pending_records::put_back(record_batch batch) {
  std::vector<stored_change> again(
    std::make_move_iterator(batch.changes.begin()), std::make_move_iterator(batch.changes.end()));
  std::span all{again};
  for (const auto& part : batch.parts) {
    const auto changes = all.first(part.size);
    all = all.subspan(part.size);
    auto& to = join_all(new_group(part.number, part.since), changes);
    for (auto& change : changes)
      if (!changes_.contains(change.name.get()))
        insert(to, std::move(change));
  }
}

pending_records::group& pending_records::new_group(std::uint64_t number, time_point since) {
  return groups_.try_emplace(number, group{number, since, {}}).first->second;
}

// Merges two groups into one with the smaller number. Moves the entries of the smaller group, so
// that each entry is moved few times.
pending_records::group& pending_records::joined(group& a, group& b) {
  if (&a == &b)
    return a;
  auto& small = a.entries.size() < b.entries.size() ? a : b;
  auto& large = &small == &a ? b : a;
  for (auto& e : small.entries)
    e.of = &large;
  large.entries.splice(large.entries.end(), small.entries);
  const auto gone = groups_.extract(small.number);
  if (small.number < large.number) {
    auto renumbered = groups_.extract(large.number);
    renumbered.key() = large.number = small.number;
    large.since = small.since;
    groups_.insert(std::move(renumbered));
  }
  return large;
}

// Merges the groups that contain one of these records into `first`.
pending_records::group& pending_records::join_all(
  group& first, std::span<const stored_change> all) {
  auto* joint = &first;
  for (const auto& change : all)
    if (const auto found = changes_.find(change.name.get()); found != changes_.end())
      joint = &joined(*joint, *found->second->of);
  return *joint;
}

void pending_records::insert(group& to, stored_change change) {
  to.entries.push_back({std::move(change), &to});
  const auto added = std::prev(to.entries.end());
  changes_.emplace(added->change.name.get(), added);
}

void pending_records::set(group& to, stored_change change) {
  if (change.is_deletion() && !known_.contains(mark_of(*change.name)))
    return erase(*change.name);
  const auto found = changes_.find(change.name.get());
  if (found == changes_.end())
    return insert(to, std::move(change));
  found->second->change.put = std::move(change.put);
}

void pending_records::erase(const record_name& name) {
  const auto found = changes_.find(&name);
  if (found == changes_.end())
    return;
  const auto gone = found->second;
  changes_.erase(found); // first, because its key is in the entry
  gone->of->entries.erase(gone);
}

std::size_t pending_records::size_of(const group& g) noexcept {
  std::size_t size = 0;
  for (const auto& e : g.entries)
    size += detail::size_of(e.change);
  return size;
}

void pending_records::move_first_to(record_batch& batch) {
  auto& first = groups_.begin()->second;
  batch.parts.push_back({first.number, first.since, first.entries.size()});
  for (auto& e : first.entries) {
    changes_.erase(e.change.name.get());
    if (!e.change.is_deletion())
      know(*e.change.name); // from now on the store may have it
    batch.changes.push_back(std::move(e.change).to_record());
  }
  groups_.erase(groups_.begin());
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
