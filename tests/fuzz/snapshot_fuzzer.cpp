// libFuzzer: bytes of a peer, as the state of a file or as a report about it. The first byte
// chooses.
#include "model/snapshot_bytes.hpp"
#include "require.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leasebreak::model_test;
  if (size == 0)
    return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  std::uint64_t accepted = 0;
  const auto problem = data[0] % 2 == 0 ? use_unknown_state(bytes, accepted)
                                        : use_unknown_reports(bytes, bytes, accepted);
  leasebreak::smb::fuzz::require(problem.empty(), problem.c_str());
  return 0;
}
