// libFuzzer's entry point for whole sessions.
#include "session_target.hpp"

#include <array>
#include <exception>
#include <fstream>
#include <iostream>

namespace {

/// The last inputs. The server lives on between them, so that an earlier one may be the cause.
std::array<std::string, 16> last;
std::size_t played = 0;

void save_last() {
  for (std::size_t i = 0; i < last.size() && i < played; ++i)
    std::ofstream("before-" + std::to_string(i), std::ios::binary)
      << last[(played - 1 - i) % last.size()];
  std::cerr << "The last inputs are in the files before-0 (the last) to before-" << last.size() - 1
            << "\n";
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  // Never destroyed, because CAF's static objects are destroyed earlier at exit.
  static auto& player = *new leasebreak::smb::fuzz::session_player;
  try {
    player.play(leasebreak::smb::fuzz::decode({bytes, size}));
  } catch (const std::exception&) {
    save_last();
    throw;
  }
  last[played++ % last.size()].assign(bytes, bytes + size);
  return 0;
}
