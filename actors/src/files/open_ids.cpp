#include "open_ids.hpp"

#include "runtime/unique_number.hpp"

#include <chrono>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

// Returns the start of the process in units of 1/4096 of a microsecond since 1970. No process makes
// ids faster than that. Its ids are thus below those of any process that starts after it has ended,
// and far above those based on an epoch.
std::uint64_t time_of_process() noexcept {
  using std::chrono::duration_cast;
  static const auto start = static_cast<std::uint64_t>(
    duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count());
  return start * number_blocks<open_id>::size;
}

} // namespace

open_ids::open_ids() noexcept : base_(time_of_process()) {}

open_id open_ids::next() noexcept {
  return static_cast<open_id>(base_.load(std::memory_order_relaxed) + unique_number<open_id>());
}

std::uint64_t open_ids::epochs_needed() noexcept {
  constexpr auto half = std::uint64_t{1} << (number_bits - 1);
  return 1 + ((number_blocks<open_id>::end() + half) >> number_bits);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
