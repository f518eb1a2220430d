// From errors of the file system library to the NTSTATUS that a client is told (MS-ERREF 2.3).
#pragma once

#include "errors.hpp"

#include <cstdint>

namespace leasebreak::smb::vfs {

/// The NTSTATUS for an error of this library, errno or Asio; STATUS_SUCCESS for none. What has no
/// better one is STATUS_UNSUCCESSFUL.
[[nodiscard]] std::uint32_t to_nt_status(const error_code& error) noexcept;

} // namespace leasebreak::smb::vfs
