// See world.hpp.
#include "support/world.hpp"

#include "api/coordinator_impl.hpp"
#include "runtime/manual_scheduler.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace leasebreak::detail {

/// Makes coordinators that a manual scheduler drives, and gives access to their internals.
struct coordinator_access {
  static std::unique_ptr<coordinator> make(
    boost::asio::any_io_executor executor, coordinator_config c) {
    auto impl =
      coordinator_impl::make(executor, std::move(c), coordinator_impl::mode::deterministic);
    return std::unique_ptr<coordinator>(new coordinator(executor, std::move(impl)));
  }
  static coordinator_impl& impl(coordinator& c) { return *c.impl_; }
};

} // namespace leasebreak::detail

namespace leasebreak::test {

world::world(clock kind, coordinator_config config) : kind_(kind) {
  if (kind == clock::test)
    c = detail::coordinator_access::make(io.get_executor(), std::move(config));
  else
    c = std::make_unique<coordinator>(io.get_executor(), std::move(config));
  const auto into = [](std::deque<seen_break>& list) {
    return [&list](const break_notification& n, const file_name_id& file, break_report report) {
      list.push_back({n, file, std::move(report)});
    };
  };
  c->register_client(alice, into(alice_saw), "alice");
  c->register_client(bob, into(bob_saw), "bob");
}

world::~world() {
  c.reset();
  settle();
}

detail::manual_scheduler& world::scheduler() {
  return dynamic_cast<detail::manual_scheduler&>(inside().scheduler());
}

detail::coordinator_impl& world::inside() {
  return inside(*c);
}

detail::coordinator_impl& world::inside(coordinator& c) {
  return detail::coordinator_access::impl(c);
}

void world::settle() {
  for (;;) {
    std::size_t done = 0;
    if (kind_ == clock::test && c != nullptr)
      done += scheduler().run();
    io.restart();
    done += io.poll();
    if (done == 0)
      return;
  }
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

void world::settle_until(const std::function<bool()>& until) {
  repeat_until(until, [this] { settle(); });
}

void world::wait_for(const std::function<bool()>& until) {
  repeat_until(until, [] {});
}

void world::advance(duration d) {
  settle();
  scheduler().advance_time(d);
  settle();
}

open_request world::request(
  const client_guid& client, const std::string& file, std::uint64_t key, lease_state want) {
  open_request r;
  r.file = file;
  r.client = client;
  r.access = access::read_data | access::write_data;
  if (key != 0)
    r.lease = lease_request{lease_key::of(key), want, 2, 0, std::nullopt};
  return r;
}

open_result world::open(
  const client_guid& client, const std::string& file, std::uint64_t key, lease_state want) {
  auto& p = start(request(client, file, key, want));
  settle();
  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::success) << p.ec.message();
  return p.done() ? std::move(p.as<open_result>()) : open_result{};
}

start_result world::recover() {
  auto& p = start(detail::start_request{});
  settle();
  EXPECT_EQ(p.error(), errc::success) << p.ec.message();
  return p.done() ? std::move(p.as<start_result>()) : start_result{};
}

void world::close(const std::string& file, open_id open) {
  auto& p = start(close_request{file, open});
  settle();
  EXPECT_EQ(p.error(), errc::success) << p.ec.message();
}

} // namespace leasebreak::test
