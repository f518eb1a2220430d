#include "name_table.hpp"

#include <bit>
#include <new>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

void push_named(named_node*& slot, named_node& node) noexcept {
  node.next = slot;
  node.link = &slot;
  if (slot != nullptr)
    slot->link = &node.next;
  slot = &node;
}

void unlink_named(named_node& node) noexcept {
  *node.link = node.next;
  if (node.next != nullptr)
    node.next->link = node.link;
  node.next = nullptr;
  node.link = nullptr;
}

/// Returns the slot from which a new one takes its nodes, and to which they return.
std::size_t origin_of(std::size_t slot) noexcept {
  return slot - std::bit_floor(slot);
}

} // namespace

name_table::name_table() : slots_(slots_min, nullptr) {}

// The lowest bits of the hash. Slots that do not exist yet are still parts of their origins.
std::size_t name_table::slot_of(std::size_t hash) const noexcept {
  const auto slot = hash & (std::bit_ceil(slots_.size()) - 1);
  return slot < slots_.size() ? slot : origin_of(slot);
}

void name_table::insert(named_node& node) noexcept {
  push_named(slots_[slot_of(node.hash)], node);
  if (++count_ <= slots_.size())
    return;
  try {
    grow();
  } catch (const std::bad_alloc&) {
    // the next insertion tries again
  }
}

void name_table::erase(named_node& node) noexcept {
  unlink_named(node);
  --count_;
  // Two slots for each node: none are left when no nodes are left.
  for (int i = 0; i < 2 && count_ < slots_.size() / 2 && slots_.size() > slots_min; ++i)
    shrink();
}

void name_table::grow() {
  const auto added = slots_.size();
  slots_.push_back(nullptr);
  auto* node = slots_[origin_of(added)];
  while (node != nullptr) {
    auto* const next = node->next;
    if (slot_of(node->hash) == added) {
      unlink_named(*node);
      push_named(slots_[added], *node);
    }
    node = next;
  }
}

void name_table::shrink() noexcept {
  auto& to = slots_[origin_of(slots_.size() - 1)];
  while (auto* const node = slots_.back()) {
    unlink_named(*node);
    push_named(to, *node);
  }
  slots_.pop_back();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
