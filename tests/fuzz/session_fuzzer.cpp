// libFuzzer's entry to whole sessions.
#include "session_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  // Never destroyed: at the program's exit CAF's own static objects are gone before it.
  static auto& player = *new leasebreak::smb::fuzz::session_player;
  player.play(leasebreak::smb::fuzz::decode({bytes, size}));
  return 0;
}
