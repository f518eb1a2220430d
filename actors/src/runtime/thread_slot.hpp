// Returns a small number for each thread, which spreads counters that many threads write.
#pragma once

#include <cstddef>

namespace leasebreak::detail {

[[nodiscard]] std::size_t thread_slot() noexcept;

} // namespace leasebreak::detail
