// The ids of opens. No id is used twice, not even by an earlier or later process.
#pragma once

#include <leasebreak/model/ids.hpp>

#include <atomic>
#include <cstdint>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Makes ids that are unique within the process and among all processes that use the same files.
/// With a store, they contain the server epoch, which each start increments. Without a store that
/// outlives the process, they contain the start time. In a cluster they contain the run of the
/// node. Thread-safe.
class open_ids {
public:
  /// Uses the current time.
  open_ids() noexcept;
  /// Uses the epoch of this start, or of this run, from the next id on.
  void begin(std::uint64_t epoch) noexcept { base_.store(epoch << number_bits); }

  [[nodiscard]] open_id next() noexcept;

  /// Returns the epoch or run with which an id was made.
  [[nodiscard]] static std::uint64_t epoch_of(open_id id) noexcept {
    return static_cast<std::uint64_t>(id) >> number_bits;
  }

  /// Returns how many epochs this process must have taken from the store by now. It is more than
  /// one if very many ids were made: they continue in the range of the next epoch, which is taken
  /// long before.
  [[nodiscard]] static std::uint64_t epochs_needed() noexcept;

private:
  static constexpr unsigned number_bits = 40;

  std::atomic<std::uint64_t> base_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
