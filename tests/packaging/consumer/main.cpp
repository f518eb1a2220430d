// A minimal program of another project: opens a file with a lease and closes it, with the public
// API.
#include <leasebreak/coordinator.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <iostream>
#include <string>

namespace {

leasebreak::open_request request_of(
  const std::string& file, const leasebreak::client_guid& client) {
  leasebreak::open_request request;
  request.file = file;
  request.client = client;
  request.lease.emplace();
  request.lease->key = leasebreak::lease_key::of(1);
  request.lease->state = leasebreak::lease_state::rwh;
  return request;
}

/// A lease is granted, and the open is closed.
bool opens_and_closes(boost::asio::io_context& io) {
  leasebreak::coordinator leases{io.get_executor()};
  const auto client = leasebreak::client_guid::of(1);
  leases.register_client(client, [](const auto&, const auto&, const auto&) {});
  bool as_expected = false;
  leases.async_open(request_of("a file", client),
    [&](leasebreak::error_code failed, const leasebreak::open_result& opened) {
      as_expected = !failed && opened.state == leasebreak::lease_state::rwh;
      leases.async_close({"a file", opened.open},
        [&](leasebreak::error_code not_closed, const leasebreak::close_result&) {
          as_expected = as_expected && !not_closed;
        });
    });
  io.run();
  return as_expected;
}

/// An operation runs on the loop that it comes from: that of the coordinator need not run. The
/// library sees the loop of the program only if both share the variables of Asio's headers.
bool runs_on_the_calling_loop() {
  boost::asio::io_context idle;
  leasebreak::coordinator leases{idle.get_executor()};
  const auto client = leasebreak::client_guid::of(1);
  leases.register_client(client, [](const auto&, const auto&, const auto&) {});
  boost::asio::io_context io;
  bool granted = false;
  boost::asio::post(io, [&] {
    leases.async_open(request_of("a file", client),
      boost::asio::bind_executor(io,
        [&](leasebreak::error_code failed, const leasebreak::open_result&) { granted = !failed; }));
  });
  io.run_for(std::chrono::seconds{60}); // returns when the open has completed
  return granted;
}

} // namespace

int main() {
  boost::asio::io_context io;
  const bool as_expected = opens_and_closes(io) && runs_on_the_calling_loop();
  std::cout << (as_expected ? "granted and closed\n" : "not as expected\n");
  return as_expected ? 0 : 1;
}
