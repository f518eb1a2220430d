// One simulated SMB client: a stream of operations, a cache that obeys its leases, a break handler.
#pragma once

#include "client_traits.hpp"
#include "file_cache.hpp"
#include "server.hpp"
#include "strand_mutex.hpp"

#include <leasebreak/requests.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace leasebreak::simulated {

/// State that all clients of a run share.
struct world {
  server& host;
  oracle& judge;
  tally& counts;
  std::size_t files = 0;
  duration break_timeout{};
  std::atomic<bool> stopping{false};
  std::atomic<cache_id> cache_ids{0};
  std::atomic<std::int64_t> answers_under_way{0}; ///< Break handlers that have not finished.
};

/// A client. All members run on its strand.
class client {
public:
  client(world& w, std::size_t number, client_traits traits, std::uint64_t seed,
    const boost::asio::any_io_executor& strand);

  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Registers the client with the server. Must be called before the coroutines start.
  void enlist();

  /// Performs operations until the world stops, then closes all files.
  boost::asio::awaitable<void> work();

  /// Disconnects and reconnects at random, until the world stops.
  boost::asio::awaitable<void> lose_connections();

  [[nodiscard]] const boost::asio::any_io_executor& strand() const { return strand_; }

private:
  template <class T>
  using task = boost::asio::awaitable<T>;
  using open_id = leasebreak::open_id;

  struct handle {
    open_id open{};
    std::uint32_t access = 0;
    bool in_use = false;
  };

  /// The client's state of one file.
  struct file_slot {
    file_slot(duration break_timeout, const boost::asio::any_io_executor& strand)
      : cache{break_timeout}, busy{strand} {}

    file_cache cache;
    std::vector<handle> handles;
    strand_mutex busy; // serialises writes, closes and answers to breaks
    std::optional<time_point> ignoring_until; // unresponsive: when it notices the revocation
  };

  /// The cache of an open; kept for notifications that arrive after its close.
  struct known_open {
    open_id open{};
    cache_id cache = 0;
  };

  // client.cpp: lifetime, opens and closes
  [[nodiscard]] caller self();
  [[nodiscard]] time_point now() const { return world_.host.clock().now(); }
  file_slot& slot_of(std::size_t file);
  [[nodiscard]] leasebreak::open_request open_request_of(
    std::size_t file, std::uint32_t access, bool exclusive, bool overwrites, std::uint64_t cache);
  task<std::optional<open_id>> open(
    std::size_t file, std::uint32_t access, bool exclusive, bool overwrites);
  void opened(std::size_t file, const opened_file& result, std::uint32_t access);
  task<std::optional<open_id>> handle_for(std::size_t file, std::uint32_t access);
  task<void> close(std::size_t file, open_id open);
  task<void> close_locked(std::size_t file, open_id open);
  task<void> close_file(std::size_t file);
  void revoked(std::size_t file);
  bool notice_deadline(std::size_t file);
  void cut();
  bool count(leasebreak::errc e, const char* what, std::uint64_t connection);

  // client_operations.cpp: the user's operations
  task<void> one_operation();
  task<void> go_on_ignoring(std::size_t file);
  task<void> read(std::size_t file);
  task<void> read_once(std::size_t file, open_id open);
  task<void> read_through(std::size_t file, open_id open);
  task<void> write(std::size_t file);
  task<void> write_through(std::size_t file, open_id open);
  task<void> overwrite(std::size_t file);
  task<void> lock(std::size_t file);
  task<void> rename(std::size_t file);
  task<void> remove(std::size_t file);
  task<void> open_exclusively(std::size_t file);
  task<void> flush(std::size_t file);
  task<void> flush_locked(std::size_t file);
  task<void> done_with(std::size_t file, open_id open);
  void observe(std::size_t file, content seen, cache_id cache, time_point began);

  // client_breaks.cpp: break notifications
  void on_break(const leasebreak::break_notification& n, std::size_t file,
    const leasebreak::break_report& report);
  [[nodiscard]] cache_id cache_of(const leasebreak::break_notification& n) const;
  void obey(
    const leasebreak::break_notification& n, std::size_t file, cache_id cache, time_point issued);
  void ignore(
    const leasebreak::break_notification& n, std::size_t file, cache_id cache, time_point issued);
  task<void> answer_break(
    leasebreak::break_notification n, std::size_t file, cache_id cache, time_point issued);
  task<void> acknowledge(
    leasebreak::break_notification n, std::size_t file, cache_id cache, time_point issued);
  task<answer<lease_state>> send_acknowledgement(
    leasebreak::break_notification n, std::size_t file, lease_state keeps);
  task<void> acknowledge_late(
    leasebreak::break_notification n, std::size_t file, time_point deadline);

  world& world_;
  std::size_t number_;
  leasebreak::client_guid guid_;
  client_traits traits_;
  boost::asio::any_io_executor strand_;
  random_source random_;
  std::uint64_t seed_;
  std::vector<std::unique_ptr<file_slot>> files_;
  std::deque<known_open> known_opens_;
  bool connected_ = true;
  std::uint64_t connection_ = 1; // incremented each time the connection is lost
};

} // namespace leasebreak::simulated
