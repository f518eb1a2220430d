// Results of a store, as the persistence actor uses them.
#pragma once

#include <leasebreak/model/errors.hpp>
#include <leasebreak/persistence/lock_store.hpp>

#include <exception>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Returns the error that an operation completes with if its records could not be stored.
[[nodiscard]] errc errc_of(const store_status& status) noexcept;

/// Returns the status `errc::store_unavailable` with this description.
[[nodiscard]] store_status store_failure(const char* what);

/// Runs `f`. Stores must not throw; one that does must not end the host's process.
template <class Function>
[[nodiscard]] store_status guarded(Function f) {
  try {
    return f();
  } catch (const std::exception& e) {
    return store_failure(e.what());
  } catch (...) {
    return store_failure("unknown exception");
  }
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
