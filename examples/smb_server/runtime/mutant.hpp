// Faults that a build for the simulator's own tests (`LEASEBREAK_MUTANTS`) can be told to have, one
// at a time. In any other build there is nothing of them.
#pragma once

#ifdef LEASEBREAK_MUTANTS
#include <cstdlib>
#include <string_view>

namespace leasebreak::smb {

/// Whether the environment asks for this one.
[[nodiscard]] inline bool is_mutant(std::string_view name) noexcept {
  static const char* const chosen = std::getenv("LEASEBREAK_MUTANT");
  return chosen != nullptr && name == chosen;
}

} // namespace leasebreak::smb

#define LEASEBREAK_MUTANT(name) ::leasebreak::smb::is_mutant(#name)
#else
#define LEASEBREAK_MUTANT(name) false
#endif
