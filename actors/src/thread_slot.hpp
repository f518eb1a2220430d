// A small number for each thread, to spread counters that many threads write.
#pragma once

#include <cstddef>

namespace leasebreak::detail {

[[nodiscard]] std::size_t thread_slot() noexcept;

} // namespace leasebreak::detail
