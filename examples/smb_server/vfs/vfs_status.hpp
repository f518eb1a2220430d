// Maps errors of the file system library to NTSTATUS values (MS-ERREF 2.3).
#pragma once

#include "errors.hpp"

#include <cstdint>

namespace leasebreak::smb::vfs {

/// The NTSTATUS for an error of this library, errno or Asio; STATUS_SUCCESS for no error, and
/// STATUS_UNSUCCESSFUL for errors without a better value.
[[nodiscard]] std::uint32_t to_nt_status(const error_code& error) noexcept;

} // namespace leasebreak::smb::vfs
