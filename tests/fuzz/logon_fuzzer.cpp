// libFuzzer's entry point for logon tokens.
#include "logon_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  leasebreak::smb::fuzz::play_logon({bytes, size});
  return 0;
}
