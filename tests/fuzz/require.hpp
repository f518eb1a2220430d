// How a fuzz target reports a fault.
#pragma once

#include <stdexcept>

namespace leasebreak::smb::fuzz {

/// Throws std::logic_error with `what` unless `holds`.
inline void require(bool holds, const char* what) {
  if (!holds)
    throw std::logic_error(what);
}

} // namespace leasebreak::smb::fuzz
