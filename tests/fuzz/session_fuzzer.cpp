// libFuzzer's entry to whole sessions.
#include "session_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static leasebreak::smb::fuzz::session_player player;
  player.play(leasebreak::smb::fuzz::decode({bytes, size}));
  return 0;
}
