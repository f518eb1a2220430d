// Two clients and one file: a lease is granted, broken, acknowledged, and everything is closed.
#include <leasebreak/coordinator.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <string>
#include <utility>

namespace asio = boost::asio;

namespace {

const auto alice = leasebreak::client_guid::of(1);
const auto bob = leasebreak::client_guid::of(2);
const std::string file = "device 1, inode 42"; // the same bytes for all paths of the file

// A client opens the file for reading and writing, and asks for all caching rights.
leasebreak::open_request open_by(leasebreak::client_guid client) {
  leasebreak::open_request request;
  request.file = file;
  request.client = client;
  request.access = leasebreak::access::read_data | leasebreak::access::write_data;
  request.lease.emplace();
  request.lease->key = leasebreak::lease_key::of(100);
  request.lease->state = leasebreak::lease_state::rwh;
  return request;
}

asio::awaitable<void> two_clients(leasebreak::coordinator& leases) {
  // A real server sends the notification to the client, which flushes its buffered writes and
  // acknowledges. This client acknowledges at once. The sink may refer to the coordinator, which
  // never calls it after its own destructor.
  leases.register_client(
    alice, [&leases](const leasebreak::break_notification& broken, const std::string& name, auto) {
      std::cout << "alice  told to go from " << broken.from << " to " << broken.to << ": " << name
                << std::endl;
      leases.async_acknowledge(leasebreak::lease_acknowledgement{alice, broken.key, broken.to},
        [](leasebreak::error_code error, leasebreak::lease_state kept) {
          std::cout << "alice  acknowledged, keeps " << kept << ": " << error.message() << '\n';
        });
    });
  leases.register_client(bob, [](const auto&, const auto&, auto) { std::cout << "bob    told\n"; });

  auto first = open_by(alice);
  auto by_alice = co_await leases.async_open(std::move(first));
  std::cout << "alice  opened, may cache " << by_alice.state << '\n';
  by_alice.answer.sent(); // from now on she may be told of breaks

  // Alice may have buffered writes, so Bob's open waits until she has acknowledged.
  auto second = open_by(bob);
  auto by_bob = co_await leases.async_open(std::move(second));
  std::cout << "bob    opened, may cache " << by_bob.state << '\n';
  by_bob.answer.sent();

  for (const auto open : {by_alice.open, by_bob.open}) {
    leasebreak::close_request done{file, open};
    co_await leases.async_close(std::move(done));
  }
  std::cout << "both   closed, " << leases.stats().opens_now << " opens left\n";
  co_await leases.async_shutdown();
}

} // namespace

int main() {
  asio::io_context io; // the server's own; may run on any number of threads
  leasebreak::coordinator leases{io.get_executor()};
  asio::co_spawn(io, two_clients(leases), [](std::exception_ptr failure) {
    if (failure)
      std::rethrow_exception(failure);
  });
  io.run();
}
