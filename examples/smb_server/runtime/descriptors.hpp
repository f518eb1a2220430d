// How many files and connections the process may have open at a time.
#pragma once

#include <cstddef>

namespace leasebreak::smb {

/// Raises the soft limit of file descriptors to the hard one, as far as the system lets it.
void raise_descriptor_limit() noexcept;

/// The soft limit.
[[nodiscard]] std::size_t descriptor_limit() noexcept;

} // namespace leasebreak::smb
