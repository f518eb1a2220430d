// Keeps the entries of a directory as they are while one is looked at and changed.
#pragma once

#include <leasebreak/detail/file_claim.hpp>

namespace leasebreak {

/// Stands for the right to change one entry of a directory, or two, or to say whether the directory
/// is empty; see `coordinator::async_guard_entry`. Nobody else has a guard of the same name
/// meanwhile. Let go of it, with `release` or by destroying it, when the change is made.
///
/// Movable only. An empty one does nothing. May outlive the coordinator. One object is for one
/// thread at a time; distinct objects are independent.
class entry_guard : public detail::file_claim<guard_id> {
public:
  using file_claim::file_claim;
};

} // namespace leasebreak
