// Requests that only release something, executed on the report of their node.
#pragma once

#include <leasebreak/cluster/files.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/file_state.hpp>

#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// A request whose result is certain.
struct released_early {
  node_id origin{};
  std::uint64_t number = 0;
  std::string file_id;
  std::vector<completion> completions;
  std::vector<open_ended> ended;
};

/// Returns whether the request acknowledges a break that is not in progress any more. It is late
/// then: a new break of the same lease may have begun, which the client does not know.
[[nodiscard]] bool is_late(const request& r, const file_state& file);

/// Executes those of the pending requests in `report` that only release something, as long as their
/// results depend on nothing that other nodes have. Changes the parts of the report, and returns
/// the executed requests. A part that cannot be read is not changed.
[[nodiscard]] std::vector<released_early> release_early(
  slot_report& report, const file_policy& policy, time_point now);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
