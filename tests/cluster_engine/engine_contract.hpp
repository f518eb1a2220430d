// The contract of all engines.
#pragma once

#include <leasebreak/cluster/engine.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace leasebreak::cluster_engine_test {

/// A real server with which the tests of the contract run.
class engine_site {
public:
  virtual ~engine_site() = default;

  /// Returns an engine for one run of a node.
  [[nodiscard]] virtual std::unique_ptr<cluster::engine> make(
    boost::asio::any_io_executor on, const std::string& cluster, std::chrono::seconds lease) = 0;
};

/// Each test program defines this. Null if the server is not installed.
[[nodiscard]] std::unique_ptr<engine_site> start_engine_site();

} // namespace leasebreak::cluster_engine_test
