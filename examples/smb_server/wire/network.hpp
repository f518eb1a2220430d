// The output of FSCTL_QUERY_NETWORK_INTERFACE_INFO (MS-SMB2 2.2.32.5).
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace leasebreak::smb {

/// An address at which the server can be reached.
struct network_interface {
  std::uint32_t index = 0; ///< Not zero; the same for all addresses of an interface.
  std::uint64_t bits_per_second = 0;
  bool is_v6 = false;
  std::array<std::uint8_t, 16> address{}; ///< IPv4 uses the first four bytes.
};

/// Encodes one NETWORK_INTERFACE_INFO for each address.
[[nodiscard]] byte_vector encode_network_interfaces(const std::vector<network_interface>& all);

} // namespace leasebreak::smb
