// libFuzzer's entry point for whole sessions.
#include "session_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  // Never destroyed, because CAF's static objects are destroyed earlier at exit.
  static auto& player = *new leasebreak::smb::fuzz::session_player;
  player.play(leasebreak::smb::fuzz::decode({bytes, size}));
  return 0;
}
