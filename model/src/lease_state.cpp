#include <leasebreak/model/lease_state.hpp>

#include <array>
#include <ostream>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

std::string_view to_string(lease_state s) noexcept {
  // The index is the bits: read 1, handle 2, write 4.
  static constexpr std::array<std::string_view, 8> names{
    "none", "R", "H", "RH", "W", "RW", "WH", "RWH"};
  return bits(s) < names.size() ? names[bits(s)] : "invalid";
}

std::optional<lease_state> parse_lease_state(std::string_view text) noexcept {
  if (text == "none" || text == "None" || text == "NONE")
    return lease_state::none;
  auto state = lease_state::none;
  for (const char c : text) {
    lease_state bit;
    switch (c) {
    case 'R':
    case 'r':
      bit = lease_state::read;
      break;
    case 'H':
    case 'h':
      bit = lease_state::handle;
      break;
    case 'W':
    case 'w':
      bit = lease_state::write;
      break;
    default:
      return std::nullopt;
    }
    if (intersects(state, bit))
      return std::nullopt;
    state = state | bit;
  }
  if (text.empty() || !is_valid(state, false))
    return std::nullopt;
  return state;
}

std::ostream& operator<<(std::ostream& out, lease_state s) {
  return out << to_string(s);
}

std::string_view to_string(oplock_level level) noexcept {
  switch (level) {
  case oplock_level::none:
    return "none";
  case oplock_level::level_ii:
    return "level II";
  case oplock_level::exclusive:
    return "exclusive";
  case oplock_level::batch:
    return "batch";
  case oplock_level::lease:
    return "lease";
  }
  return "invalid";
}

std::ostream& operator<<(std::ostream& out, oplock_level level) {
  return out << to_string(level);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
