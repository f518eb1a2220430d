// Faults that a test build (`LEASEBREAK_MUTANTS`) can inject, one at a time, to check that the
// simulator finds them. Other builds do not contain them.
#pragma once

#include <leasebreak/model/export.hpp>

#ifdef LEASEBREAK_MUTANTS
#include <cstdlib>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Returns whether the environment selects this fault.
[[nodiscard]] inline bool is_mutant(std::string_view name) noexcept {
  static const char* const chosen = std::getenv("LEASEBREAK_MUTANT");
  return chosen != nullptr && name == chosen;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

#define LEASEBREAK_MUTANT(name) ::leasebreak::detail::is_mutant(#name)
#else
#define LEASEBREAK_MUTANT(name) false
#endif
