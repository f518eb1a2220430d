// libFuzzer's entry point for the parsers.
#include "frame_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  leasebreak::smb::fuzz::parse_everything({bytes, size});
  return 0;
}
