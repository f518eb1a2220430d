// The event loops of a server: one thread each, and the connections spread over them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace leasebreak::smb {

/// Counts a connection of a loop during its lifetime. The loop must outlive it. Thread-safe.
class loop_seat {
public:
  explicit loop_seat(const boost::asio::any_io_executor& executor);
  ~loop_seat();
  loop_seat(const loop_seat&) = delete;
  loop_seat& operator=(const loop_seat&) = delete;

private:
  std::atomic<std::size_t>& taken_;
};

/// A main loop, and further ones if there is to be more than one thread. A handler of one loop may
/// own objects of another one: all are destroyed before any loop is.
class loop_set {
public:
  /// Runs one loop on the calling thread until it is stopped or out of work.
  using runner = std::function<void(boost::asio::io_context&)>;

  explicit loop_set(std::size_t count);
  ~loop_set();
  loop_set(const loop_set&) = delete;
  loop_set& operator=(const loop_set&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return loops_.size(); }

  [[nodiscard]] boost::asio::io_context& main() noexcept;

  /// Returns the loop with the fewest connections, the main loop last, because it has more to do
  /// than serve connections. Thread-safe.
  [[nodiscard]] boost::asio::io_context& least_used() noexcept;

  /// The executors of all loops, that of the main loop first.
  [[nodiscard]] std::vector<boost::asio::any_io_executor> executors() const;

  /// Runs the main loop on this thread, and each other one on a thread of its own. Returns when the
  /// main loop ends, which stops the others.
  void run(const runner& how);

private:
  class loop;

  std::vector<std::unique_ptr<loop>> loops_; ///< The main loop first.
};

} // namespace leasebreak::smb
