// The change hold, which prevents caching while a file is changed.
#pragma once

#include <leasebreak/detail/file_claim.hpp>
#include <leasebreak/model/export.hpp>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The guard of a change that has been announced but not made. While it lives, no caching is
/// granted that the change would make stale, and a file that is being deleted admits no opens. End
/// it with `release` or by destroying it after the change is made or abandoned.
///
/// Movable only. An empty hold does nothing. One thread at a time may use an object; distinct
/// objects are independent. Lifetime: it may be released and destroyed at any time. After the
/// coordinator's destructor that does nothing. It keeps a small part of its file's memory alive.
class hold : public detail::file_claim<hold_id> {
public:
  using file_claim::file_claim;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
