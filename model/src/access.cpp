#include <leasebreak/model/access.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

constexpr std::uint32_t oplock_harmless =
  access::read_attributes | access::write_attributes | access::synchronize;

// The rights that a share mode can deny. All other rights, such as those to attributes, are
// compatible with every share mode.
constexpr std::uint32_t reads = access::read_data | access::execute;
constexpr std::uint32_t writes = access::write_data | access::append_data;

constexpr bool denied(std::uint32_t wanted, std::uint32_t shared) {
  return ((wanted & reads) != 0 && (shared & share::read) == 0) ||
    ((wanted & writes) != 0 && (shared & share::write) == 0) ||
    ((wanted & access::delete_file) != 0 && (shared & share::delete_file) == 0);
}

constexpr bool takes_part(std::uint32_t mask) {
  return (mask & (reads | writes | access::delete_file)) != 0;
}

} // namespace

std::uint32_t map_generic(std::uint32_t mask) noexcept {
  using namespace access;
  std::uint32_t mapped =
    mask & ~(generic_all | generic_execute | generic_write | generic_read | maximum_allowed);
  if (mask & (generic_all | maximum_allowed))
    mapped |= all;
  if (mask & generic_read)
    mapped |= read_data | read_attributes | read_ea | read_control | synchronize;
  if (mask & generic_write)
    mapped |= write_data | append_data | write_attributes | write_ea | read_control | synchronize;
  if (mask & generic_execute)
    mapped |= execute | read_attributes | read_control | synchronize;
  return mapped;
}

bool is_stat_access_for_oplocks(std::uint32_t mask) noexcept {
  return mask != 0 && (mask & ~oplock_harmless) == 0;
}

bool is_stat_access_for_leases(std::uint32_t mask) noexcept {
  return mask != 0 && (mask & ~(oplock_harmless | access::read_control)) == 0;
}

bool share_conflict(std::uint32_t access_a, std::uint32_t share_a, std::uint32_t access_b,
  std::uint32_t share_b) noexcept {
  if (!takes_part(access_a) || !takes_part(access_b))
    return false;
  return denied(access_a, share_b) || denied(access_b, share_a);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
