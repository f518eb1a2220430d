// See two_clients.hpp.
#include "support/two_clients.hpp"

#include "api/coordinator_access.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>

namespace leasebreak::test {

two_clients::two_clients(time kind, coordinator_config config)
  : driven_coordinator(without_coordinator{}) {
  if (kind == time::driven)
    c = clock_.make_coordinator(io.get_executor(), std::move(config));
  else
    c = std::make_unique<coordinator>(io.get_executor(), std::move(config));
  c->register_client(alice, of_alice_.sink(), "alice");
  c->register_client(bob, of_bob_.sink(), "bob");
}

// Here, because handlers of the test may use this object.
two_clients::~two_clients() {
  destroy();
  settle();
}

detail::coordinator_impl& two_clients::inside() {
  return inside(*c);
}

detail::coordinator_impl& two_clients::inside(coordinator& c) {
  return detail::coordinator_access::impl(c);
}

namespace {

/// Repeats `step` until `until` holds. A time limit fails a test that would otherwise hang.
void repeat_until(const std::function<bool()>& until, const std::function<void()>& step) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes{2};
  while (!until()) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "the condition was not reached";
    step();
    std::this_thread::yield();
  }
}

} // namespace

void two_clients::settle_until(const std::function<bool()>& until) {
  repeat_until(until, [this] { settle(); });
}

void two_clients::wait_for(const std::function<bool()>& until) {
  repeat_until(until, [] {});
}

open_request two_clients::request(
  const client_guid& client, const std::string& file, std::uint64_t key, lease_state want) {
  open_request r;
  r.file = file;
  r.client = client;
  r.access = access::read_data | access::write_data;
  if (key != 0)
    r.lease = lease_request{lease_key::of(key), want, 2, 0, std::nullopt};
  return r;
}

open_result two_clients::open(
  const client_guid& client, const std::string& file, std::uint64_t key, lease_state want) {
  auto& p = start(request(client, file, key, want));
  settle();
  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::success) << p.ec.message();
  return p.done() ? std::move(p.as<open_result>()) : open_result{};
}

start_result two_clients::recover() {
  auto& p = driven_coordinator::recover();
  settle();
  EXPECT_EQ(p.error(), errc::success);
  return p.done() ? std::move(p.as<start_result>()) : start_result{};
}

void two_clients::close(const std::string& file, open_id open) {
  auto& p = start(close_request{file, open});
  settle();
  EXPECT_EQ(p.error(), errc::success) << p.ec.message();
}

} // namespace leasebreak::test
