// Requests that only release something, executed on the report of their node.
#pragma once

#include <leasebreak/cluster/files.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/file_state.hpp>

#include <vector>

namespace leasebreak::cluster {

/// A request whose result is certain.
struct released_early {
  node_id origin{};
  std::uint64_t number = 0;
  std::string file_id;
  std::vector<completion> completions;
};

/// Executes those of the pending requests in `report` that only release something, as long as their
/// results depend on nothing that other nodes have. Changes the parts of the report, and returns
/// the executed requests. A part that cannot be read is not changed.
[[nodiscard]] std::vector<released_early> release_early(
  slot_report& report, const file_policy& policy, time_point now);

} // namespace leasebreak::cluster
