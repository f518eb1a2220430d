// Members and slots of views.
#include <leasebreak/cluster/view.hpp>

#include <leasebreak/model/internal/fnv.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace {

// Distributes all bits, because FNV hardly changes the upper ones (SplitMix64).
constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30U)) * 0xbf58'476d'1ce4'e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d0'49bb'1331'11ebU;
  return x ^ (x >> 31U);
}

const view_member* owner_of(slot_number slot, const std::vector<view_member>& members) noexcept {
  const view_member* best = nullptr;
  std::uint64_t most = 0;
  for (const auto& m : members) {
    const auto weight = mixed(detail::fnv(m.name) + mixed(std::uint64_t{slot} + 1));
    if (best == nullptr || weight > most) {
      best = &m;
      most = weight;
    }
  }
  return best;
}

bool contains(const std::vector<node_id>& nodes, node_id node) noexcept {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

void remove_gone(view& v, const std::vector<node_id>& gone) {
  for (const auto& m : v.members)
    if (contains(gone, m.node))
      v.unfenced.push_back(m.node);
  std::erase_if(v.members, [&](const auto& m) { return contains(gone, m.node); });
  std::sort(v.unfenced.begin(), v.unfenced.end());
}

bool add_member(view& v, const view_member& joining) {
  const bool is_valid = !joining.name.empty() && joining.name.size() <= member_text_max &&
    joining.address.size() <= member_text_max && joining.node != node_id::none &&
    static_cast<std::uint32_t>(joining.node) <= node_number_max;
  if (!is_valid || v.members.size() >= members_max || v.find(joining.name) != nullptr ||
    v.find(joining.node) != nullptr || v.is_unfenced(joining.node))
    return false;
  const auto at = std::lower_bound(v.members.begin(), v.members.end(), joining,
    [](const auto& a, const auto& b) { return a.name < b.name; });
  v.members.insert(at, joining)->joined = v.number + 1;
  return true;
}

void assign_slots(view& v) {
  for (std::size_t i = 0; i < v.slots.size(); ++i) {
    const auto* const best = owner_of(static_cast<slot_number>(i), v.members);
    const auto node = best != nullptr ? best->node : node_id::none;
    if (v.slots[i].node != node)
      v.slots[i] = {node, v.number};
  }
}

} // namespace

const view_member* view::find(node_id node) const noexcept {
  const auto at =
    std::find_if(members.begin(), members.end(), [node](const auto& m) { return m.node == node; });
  return at != members.end() ? &*at : nullptr;
}

const view_member* view::find(std::string_view name) const noexcept {
  const auto at =
    std::find_if(members.begin(), members.end(), [name](const auto& m) { return m.name == name; });
  return at != members.end() ? &*at : nullptr;
}

bool view::is_unfenced(node_id node) const noexcept {
  return contains(unfenced, node);
}

slot_number slot_of(std::string_view file_id, std::size_t slots) noexcept {
  return static_cast<slot_number>(mixed(detail::fnv(file_id)) % slots);
}

view first_view(std::size_t slots) {
  view v;
  v.slots.resize(slots);
  return v;
}

std::optional<view> next_view(const view& now, const view_change& change) {
  if (now.number >= view_number_max)
    return std::nullopt;
  view next = now;
  remove_gone(next, change.gone);
  std::erase_if(next.unfenced, [&](node_id n) { return contains(change.fenced, n); });
  if (change.joining && !add_member(next, *change.joining))
    return std::nullopt;
  if (next == now || next.unfenced.size() > members_max)
    return std::nullopt;
  ++next.number;
  assign_slots(next);
  return next;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
