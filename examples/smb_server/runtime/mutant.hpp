// Injected faults for the simulator's own tests. A build with `LEASEBREAK_MUTANTS` can activate one
// of them; other builds contain none.
#pragma once

#ifdef LEASEBREAK_MUTANTS
#include <cstdlib>
#include <string_view>

namespace leasebreak::smb {

/// Whether the environment selects this fault.
[[nodiscard]] inline bool is_mutant(std::string_view name) noexcept {
  static const char* const chosen = std::getenv("LEASEBREAK_MUTANT");
  return chosen != nullptr && name == chosen;
}

} // namespace leasebreak::smb

#define LEASEBREAK_MUTANT(name) ::leasebreak::smb::is_mutant(#name)
#else
#define LEASEBREAK_MUTANT(name) false
#endif
