// A coordinator with its threads and clients, for the benchmarks of the public API.
#pragma once

#include "driver.hpp"

#include <leasebreak/coordinator.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/use_future.hpp>

#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace leasebreak::bench {

/// Returns the default configuration with limits that no benchmark reaches.
[[nodiscard]] inline leasebreak::coordinator_config roomy() {
  leasebreak::coordinator_config config;
  config.limit.locks_per_file = 20'000;
  config.limit.locks_per_client = 100'000;
  config.limit.opens_per_client = 4'000'000;
  return config;
}

/// The coordinator and the threads that run it.
class world {
public:
  explicit world(leasebreak::coordinator_config config = roomy(), int threads = io_threads::usual)
    : io_(threads) {
    const bool has_store = config.store != nullptr;
    coordinator_.emplace(io_.context().get_executor(), std::move(config));
    if (has_store)
      coordinator_->async_start(boost::asio::use_future).get();
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world() {
    try {
      coordinator_->async_shutdown(boost::asio::use_future).get();
    } catch (const std::exception&) {
      // The measurements are done; an error of the store does not affect them.
    }
    coordinator_.reset();
  }

  [[nodiscard]] leasebreak::coordinator& coordinator() { return *coordinator_; }
  [[nodiscard]] boost::asio::io_context& context() { return io_.context(); }

  /// Registers the clients 1 to `count`, with `sink` for their breaks.
  void enlist(std::uint64_t count, const leasebreak::break_sink& sink = ignore_breaks()) {
    for (std::uint64_t i = 1; i <= count; ++i)
      if (const auto failure = coordinator_->register_client(leasebreak::client_guid::of(i), sink))
        throw std::runtime_error{"register_client: " + failure.message()};
  }

  [[nodiscard]] static leasebreak::break_sink ignore_breaks() {
    return [](const auto&, const auto&, const auto&) {};
  }

private:
  io_threads io_;
  std::optional<leasebreak::coordinator> coordinator_;
};

/// Ends the program on an error, because a benchmark with failed operations is meaningless.
inline void require(const leasebreak::error_code& error, const char* what) {
  if (!error)
    return;
  std::fprintf(stderr, "%s: %s\n", what, error.message().c_str());
  std::abort();
}

/// Opens a file with a lease and closes it again in each round.
class open_close_chain final : public chain {
public:
  /// The operations start, and complete, on `loop`.
  open_close_chain(leasebreak::coordinator& c, boost::asio::io_context& loop, countdown& running,
    std::size_t first, std::size_t step, std::size_t files, std::uint64_t client,
    std::size_t file_base = 0)
    : chain{loop, running, first, step, files}, coordinator_{c}, client_{client}, file_base_{
                                                                                    file_base} {}

  /// Passes paths to the coordinator: sixteen files per directory.
  void tell_paths() { tells_paths_ = true; }

private:
  void round(std::size_t file) override {
    const auto number = file_base_ + file;
    auto asked = lease_open(number, client_, number + 1, leasebreak::lease_state::rwh);
    if (tells_paths_)
      asked.path =
        "some/directory/" + std::to_string(number / 16) + "/file" + std::to_string(number);
    coordinator_.async_open(std::move(asked),
      boost::asio::bind_executor(
        strand(), [this, number](leasebreak::error_code error, leasebreak::open_result granted) {
          require(error, "open");
          if (granted.state != leasebreak::lease_state::rwh)
            require(leasebreak::make_error_code(leasebreak::errc::access_denied), "no RWH");
          close(number, granted.open);
        }));
  }

  void close(std::size_t number, leasebreak::open_id open) {
    coordinator_.async_close(leasebreak::close_request{file_name(number), open},
      boost::asio::bind_executor(
        strand(), [this](leasebreak::error_code error, const leasebreak::close_result&) {
          require(error, "close");
          next();
        }));
  }

  leasebreak::coordinator& coordinator_;
  std::uint64_t client_;
  std::size_t file_base_;
  bool tells_paths_ = false;
};

/// Returns one chain for each operation in flight. Each has a client of its own (1 to `in_flight`),
/// which must be registered.
[[nodiscard]] inline chains open_close_chains(world& w, countdown& running, std::size_t files,
  std::size_t in_flight, std::size_t file_base = 0) {
  chains all;
  for (std::size_t i = 0; i < in_flight; ++i)
    all.push_back(std::make_unique<open_close_chain>(
      w.coordinator(), w.context(), running, i, in_flight, files, i + 1, file_base));
  return all;
}

} // namespace leasebreak::bench
