// libFuzzer's entry to requests to the service for operators.
#include "admin_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  leasebreak::smb::fuzz::play_admin_request({bytes, size});
  return 0;
}
