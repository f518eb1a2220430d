// Completes a file whose opens and leases were read from snapshots. Internal to the model.
#pragma once

#include "file/impl.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

/// Computes everything that a snapshot does not contain, and checks the result.
struct file_state::impl::restoration {
  impl& s;
  /// The channels of each lease in `s.leases`, as they were read.
  std::vector<std::vector<channel_id>> orders;
  /// The parts are of several moments, and some may be missing: the orders may lack channels or
  /// have too many, and effects follow.
  effects* merged = nullptr;
  time_point now{};

  /// Returns the first problem; empty: none.
  [[nodiscard]] std::string complete();

private:
  void count_uses();
  [[nodiscard]] bool find_first_opens();
  [[nodiscard]] bool count_channels();
  void count_all();
  void set_deadlines();
  void follow_missing();
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
