// A process on the server that reads and writes the exported files, without being an SMB client.
#pragma once

#include "client.hpp"
#include "server.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>

namespace leasebreak::simulated {

/// Runs on one strand.
class local_process {
public:
  local_process(world& w, std::size_t number, std::uint64_t seed)
    : world_{w}, number_{number}, random_{seed} {}

  local_process(const local_process&) = delete;
  local_process& operator=(const local_process&) = delete;

  /// Performs operations until the world stops.
  boost::asio::awaitable<void> work();

private:
  boost::asio::awaitable<void> one_operation();
  void count(leasebreak::errc e, const char* what);

  world& world_;
  std::size_t number_;
  random_source random_;
};

} // namespace leasebreak::simulated
