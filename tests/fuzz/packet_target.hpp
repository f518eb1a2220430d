// Bytes of another node, as a packet.
#pragma once

#include <string_view>

namespace leasebreak::smb::fuzz {

/// Throws `std::logic_error` if a packet that is accepted cannot be sent again.
void use_unknown_packet(std::string_view bytes);

} // namespace leasebreak::smb::fuzz
