// The ids of opens: none is used twice, also by another process before or after.
#pragma once

#include <leasebreak/model/ids.hpp>

#include <cstdint>

namespace leasebreak::detail {

/// Makes ids that are unique within the process, and among all processes that have or had the same
/// files: with a store, by the server epoch, which each start raises; without one that outlives the
/// process, by the time at which it started. Thread-safe but for `begin`.
class open_ids {
public:
  /// By the time.
  open_ids() noexcept;
  /// By the epoch of this start; before the first id.
  void begin(std::uint64_t epoch) noexcept { base_ = epoch << number_bits; }

  [[nodiscard]] open_id next() noexcept;

  /// How many epochs this process must have taken from the store by now. More than one if it has
  /// made very many ids: they go on into the range of the next epoch, which is taken long before.
  [[nodiscard]] static std::uint64_t epochs_needed() noexcept;

private:
  static constexpr unsigned number_bits = 40;

  std::uint64_t base_;
};

} // namespace leasebreak::detail
