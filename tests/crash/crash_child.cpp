// Grants leases and byte-range locks in durable mode, until the test kills it. Prints a line only
// after the grant has completed:
//   "L <client> <key> <file> <open>"  a lease was granted, and a persistent open or 0
//   "R <file> <offset>"        a byte-range lock was granted
//   "C <file>"                 the open of this file is about to be closed
//   "D <file>"                 the persistent open is closed
// First reconnects the persistent opens of the previous process, and closes them. Exits with status
// 8 if one of them has changed.
#include <leasebreak/coordinator.hpp>
#include <leasebreak/persistence/rocksdb_store.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace lb = leasebreak;

constexpr int chains = 32;
constexpr std::chrono::minutes minute{1};

lb::create_guid guid_of(std::uint64_t i) {
  return lb::create_guid::of(i + 1);
}

// Writes the line at once, so that a kill cannot leave part of a line.
void say(const std::string& line) {
  const auto text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    std::_Exit(3);
}

// Opens, locks and closes new files forever.
asio::awaitable<void> grant_for_ever(
  lb::coordinator& coordinator, int chain, std::uint64_t run, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto client = lb::client_guid::of(run, 1 + static_cast<std::uint64_t>(chain));
  for (std::uint64_t i = 0;; ++i) {
    const auto name = std::to_string(run) + "-" + std::to_string(chain) + "-" + std::to_string(i);
    lb::open_request request;
    request.file = name;
    request.client = client;
    request.share = "crash";
    request.access = lb::access::all;
    request.lease =
      lb::lease_request{lb::lease_key::of(i + 1), lb::lease_state::rwh, 2, 0, std::nullopt};
    const bool persistent = random() % 3 == 0;
    if (persistent)
      request.durable = lb::durable_request{minute, true, guid_of(i), name};
    auto opened = co_await coordinator.async_open(std::move(request), asio::use_awaitable);
    if (opened.persistent != persistent)
      std::_Exit(4);
    if (opened.state != lb::lease_state::rwh)
      std::_Exit(4);
    const auto open = persistent ? static_cast<std::uint64_t>(opened.open) : 0;
    say("L " + lb::to_string(client) + " " + lb::to_string(opened.key) + " " + name + " " +
      std::to_string(open));
    if (random() % 2 == 0) {
      const auto offset = random() % 1000;
      lb::lock_request lock;
      lock.file = name;
      lock.open = opened.open;
      lock.elements.push_back({{offset, 10}, true});
      static_cast<void>(co_await coordinator.async_lock(std::move(lock), asio::use_awaitable));
      say("R " + name + " " + std::to_string(offset));
    }
    if (random() % 4 == 0)
      continue; // stays open until the end
    say("C " + name);
    lb::close_request close;
    close.file = name;
    close.open = opened.open;
    co_await coordinator.async_close(std::move(close), asio::use_awaitable);
    if (persistent)
      say("D " + name);
  }
}

// Checks that the open still has its lease and its application-defined bytes, and closes it.
asio::awaitable<void> take_back(lb::coordinator& coordinator, lb::recovered_open o) {
  static_cast<void>(coordinator.register_client(o.client, [](const auto&, const auto&, auto) {}));
  lb::reconnect_request request;
  request.file = o.file;
  request.open = o.open;
  request.client = o.client;
  request.key = o.key;
  request.guid = o.guid;
  const auto back = co_await coordinator.async_reconnect(std::move(request), asio::use_awaitable);
  if (back.state != lb::lease_state::rwh || !back.persistent || o.server_state != o.file)
    std::_Exit(8);
  lb::close_request close;
  close.file = o.file;
  close.open = o.open;
  co_await coordinator.async_close(std::move(close), asio::use_awaitable);
}

asio::awaitable<void> run(lb::coordinator& coordinator, std::uint64_t run, std::uint64_t seed) {
  const auto found = co_await coordinator.async_start(asio::use_awaitable);
  for (const auto& o : found.opens)
    co_await take_back(coordinator, o);
  for (int chain = 0; chain < chains; ++chain) {
    const auto client = lb::client_guid::of(run, 1 + static_cast<std::uint64_t>(chain));
    if (coordinator.register_client(client, [](const auto&, const auto&, auto) {}))
      std::_Exit(5);
    asio::co_spawn(co_await asio::this_coro::executor,
      grant_for_ever(coordinator, chain, run, seed + static_cast<std::uint64_t>(chain)),
      [](std::exception_ptr e) {
        if (e)
          std::_Exit(6);
      });
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: crash_child PATH RUN SEED\n";
    return 2;
  }
  auto store = lb::open_rocksdb_store(argv[1], {.durable = true});
  if (!store.ok()) {
    std::cerr << store.status.detail << "\n";
    return 2;
  }
  asio::io_context io;
  lb::coordinator_config config;
  config.store = std::move(store.value);
  config.durable = true;
  config.grace = lb::duration::zero();
  config.limit.locks_total = 10'000'000;
  config.limit.locks_per_client = 10'000'000;
  lb::coordinator coordinator(io.get_executor(), config);
  asio::co_spawn(
    io, run(coordinator, std::stoull(argv[2]), std::stoull(argv[3])), [](std::exception_ptr e) {
      if (e)
        std::_Exit(7);
    });
  std::thread other([&io] { io.run(); });
  io.run();
  other.join();
  return 0;
}
