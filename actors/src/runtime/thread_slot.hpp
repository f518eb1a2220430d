// Returns a small number for each thread, which spreads counters that many threads write.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstddef>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

[[nodiscard]] std::size_t thread_slot() noexcept;

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
