// libFuzzer: bytes of another node, as a packet.
#include "packet_target.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leasebreak::smb::fuzz::use_unknown_packet({reinterpret_cast<const char*>(data), size});
  return 0;
}
