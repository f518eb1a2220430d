// A minimal program of another project: opens a file with a lease and closes it, with the public
// API.
#include <leasebreak/coordinator.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>

int main() {
  boost::asio::io_context io;
  leasebreak::coordinator leases{io.get_executor()};
  const auto client = leasebreak::client_guid::of(1);
  leases.register_client(client, [](const auto&, const auto&, const auto&) {});

  leasebreak::open_request request;
  request.file = "a file";
  request.client = client;
  request.lease.emplace();
  request.lease->key = leasebreak::lease_key::of(1);
  request.lease->state = leasebreak::lease_state::rwh;

  bool as_expected = false;
  leases.async_open(
    request, [&](leasebreak::error_code failed, const leasebreak::open_result& opened) {
      as_expected = !failed && opened.state == leasebreak::lease_state::rwh;
      leases.async_close({"a file", opened.open},
        [&](leasebreak::error_code not_closed, const leasebreak::close_result&) {
          as_expected = as_expected && !not_closed;
        });
    });
  io.run();

  std::cout << (as_expected ? "granted and closed\n" : "not as expected\n");
  return as_expected ? 0 : 1;
}
