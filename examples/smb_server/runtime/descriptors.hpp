// The limit of file descriptors of the process.
#pragma once

#include <cstddef>

namespace leasebreak::smb {

/// Raises the soft limit to the hard limit, if the system permits that.
void raise_descriptor_limit() noexcept;

/// Returns the soft limit.
[[nodiscard]] std::size_t descriptor_limit() noexcept;

} // namespace leasebreak::smb
