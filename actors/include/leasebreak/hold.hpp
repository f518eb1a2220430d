// Keeps caching off while a file is changed.
#pragma once

#include <leasebreak/detail/file_claim.hpp>

namespace leasebreak {

/// Stands for a change of a file that has been announced and is not made yet. While it lives,
/// nobody is granted caching that the change would make stale, and a file that is being deleted
/// admits no opens. Let go of it, with `release` or by destroying it, once the change is made or
/// given up.
///
/// Movable only. An empty hold does nothing. One object is for one thread at a time; distinct
/// objects are independent. Lifetime: it may be released and destroyed at any time, also after the
/// coordinator's destructor, when that does nothing; it keeps some memory of its file alive.
class hold : public detail::file_claim<hold_id> {
public:
  using file_claim::file_claim;
};

} // namespace leasebreak
