// When leases expire whose store has no clock that can be trusted.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// What one node has seen of the leases of all. A lease is a row with a number, which a renewal
/// changes. It has expired when the number has stayed the same for the length of a lease: the
/// holder counts from when it sent the renewal, which was before its number could be seen here.
class watched_rows {
public:
  using clock = std::chrono::steady_clock;
  /// The numbers of renewals.
  using numbers = std::map<node_id, std::uint64_t>;

  explicit watched_rows(clock::duration lease) : lease_(lease) {}

  /// Takes the rows that existed at some moment between `sent` and `now`. Returns the nodes whose
  /// leases have expired, if their rows still have these numbers.
  [[nodiscard]] std::vector<node_id> read(
    const numbers& rows, clock::time_point sent, clock::time_point now);

private:
  struct seen {
    std::uint64_t number = 0;
    clock::time_point since;
  };

  clock::duration lease_;
  std::map<node_id, seen> rows_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
