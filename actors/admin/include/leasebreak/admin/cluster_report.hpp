// What a host knows of the cluster that its server is a member of.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT admin {

/// A server of a cluster, as another one sees it.
struct cluster_server {
  std::string name; ///< The same in all of its runs.
  std::uint64_t run = 0; ///< The number of its current run; greater than those of earlier ones.
  std::string address; ///< Where other servers reach it.
  std::size_t slots = 0; ///< For how many slots it executes commands.
  bool is_silent = false; ///< The reporting server has not heard it for a while.
};

/// For `service_options::cluster`.
struct cluster_report {
  std::string name; ///< The reporting server.
  std::string stage; ///< Such as `member`, or `joining` while clients are not served.
  std::uint64_t run = 0; ///< Its run; 0 before it has a number.
  std::uint64_t view = 0; ///< The number of its view; 0: it has none.
  std::vector<cluster_server> servers; ///< The members of that view.
  std::size_t slots = 0; ///< How many slots there are.
  std::size_t served = 0; ///< Slots for which the reporting server executes commands now.
  std::size_t pending = 0; ///< Its commands without a result.
};

} // namespace admin
} // namespace leasebreak::LEASEBREAK_INLINE_ABI
