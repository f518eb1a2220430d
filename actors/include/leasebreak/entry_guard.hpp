// The guard of directory entries while a server looks one up and changes it.
#pragma once

#include <leasebreak/detail/file_claim.hpp>
#include <leasebreak/model/export.hpp>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The right to change one or two entries of a directory, or to determine whether the directory is
/// empty; see `coordinator::async_guard_entry`. Guards are exclusive for each name. End it with
/// `release` or by destroying it after the change.
///
/// Movable only. An empty guard does nothing. May outlive the coordinator. One thread at a time may
/// use an object; distinct objects are independent.
class entry_guard : public detail::file_claim<guard_id> {
public:
  using file_claim::file_claim;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
