#include "share_counts.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

bool lets_read(std::uint32_t mask) noexcept {
  return (mask & (access::read_data | access::execute)) != 0;
}

bool lets_write(std::uint32_t mask) noexcept {
  return (mask & (access::write_data | access::append_data)) != 0;
}

bool lets_delete(std::uint32_t mask) noexcept {
  return (mask & access::delete_file) != 0;
}

bool is_counted(std::uint32_t mask) noexcept {
  return lets_read(mask) || lets_write(mask) || lets_delete(mask);
}

bool denies(std::uint32_t share_access, std::uint32_t use) noexcept {
  return (share_access & use) == 0;
}

} // namespace

bool share_counts::conflict_with(const use& u) const noexcept {
  // MS-FSA 2.1.5.1.2: an open of a stream that does not share deletion conflicts with every open of
  // the file or directory that has DELETE access.
  if (u.of_stream)
    return denies(u.share_access, share::delete_file) && deleting_ != 0;
  if (!is_counted(u.access))
    return false;
  const bool is_denied = (lets_read(u.access) && denying_read_ != 0) ||
    (lets_write(u.access) && denying_write_ != 0) ||
    (lets_delete(u.access) && denying_delete_ != 0);
  const bool denies_others = (denies(u.share_access, share::read) && reading_ != 0) ||
    (denies(u.share_access, share::write) && writing_ != 0) ||
    (denies(u.share_access, share::delete_file) && deleting_ != 0);
  return is_denied || denies_others;
}

void share_counts::count(const use& u, std::uint32_t by) noexcept {
  if (lets_read(u.access))
    reading_ += by;
  if (lets_write(u.access))
    writing_ += by;
  if (lets_delete(u.access))
    deleting_ += by;
  // The other side of the rule for streams.
  if (u.of_stream && denies(u.share_access, share::delete_file))
    denying_delete_ += by;
  if (!is_counted(u.access))
    return;
  if (denies(u.share_access, share::read))
    denying_read_ += by;
  if (denies(u.share_access, share::write))
    denying_write_ += by;
  if (denies(u.share_access, share::delete_file))
    denying_delete_ += by;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
