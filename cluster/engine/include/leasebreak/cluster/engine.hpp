// The engine of a cluster: a linearizable store that decides which nodes live, and which view there
// is.
//
// `cluster_node` asks for it by effects. A server passes these to an engine, and the results back to
// the node. No operation of a file goes to the engine.
#pragma once

#include <leasebreak/cluster/cluster_node.hpp>
#include <leasebreak/model/export.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// Why the engine has not done something.
enum class engine_problem : std::uint8_t {
  unreachable, ///< No endpoint answered in time. The request may have been executed.
  refused, ///< The engine does not accept the name and password, or refuses the request.
  damaged, ///< The engine has something that no node has written.
  exhausted, ///< There are no numbers for further runs of nodes.
};

/// A problem, for a program and for its operator.
struct engine_error {
  engine_problem problem{}; ///< The kind.
  std::string what; ///< What happened and where, and what to do if that is not plain.
};

/// A result, or why there is none.
template <class T>
using engine_result = std::variant<T, engine_error>;

/// An engine, as one run of a node uses it. All functions are coroutines that run on the executor
/// of their caller, which must be the engine's, and may be cancelled. At most one of each may be in
/// progress. The engine must outlive them. They throw only if memory is short.
class engine {
public:
  engine() = default;
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  virtual ~engine() = default;

  /// Begins a run of the node: takes a number that no run of any node has had. Must come first,
  /// once.
  [[nodiscard]] virtual boost::asio::awaitable<engine_result<node_id>> start_run() = 0;
  /// Creates the lease of this run, or renews it, and stores the nodes that it suspects with it.
  /// Returns false if the lease has expired: then the run is over.
  [[nodiscard]] virtual boost::asio::awaitable<engine_result<bool>> renew(
    std::vector<node_id> suspected) = 0;
  /// Reads the view and the living nodes, as of one moment. Without a view, its number is 0.
  [[nodiscard]] virtual boost::asio::awaitable<engine_result<engine_document>> read() = 0;
  /// Replaces the view if it is still as this object has read it last, `next` follows it, and this
  /// run's lease has not expired. Returns whether it has done so.
  [[nodiscard]] virtual boost::asio::awaitable<engine_result<bool>> propose(view next) = 0;
  /// Ends the lease of this run. Returns false if there was none.
  [[nodiscard]] virtual boost::asio::awaitable<engine_result<bool>> revoke() = 0;
};

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI
