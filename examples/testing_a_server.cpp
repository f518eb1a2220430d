// How an author of a server tests it with leasebreak's testing kit; docs/testing.md explains it. A
// real test would use a test framework; this one needs none, so that it builds everywhere.
#include <leasebreak/testing/driven_coordinator.hpp>
#include <leasebreak/testing/fake_client.hpp>
#include <leasebreak/testing/seeded_loop.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <string>
#include <utility>

namespace testkit = leasebreak::testkit;
using namespace std::chrono_literals;

namespace {

// -- the server under test: its log has the same name as a file that clients may cache

class audit_log {
public:
  explicit audit_log(leasebreak::coordinator& leases) : leases_{leases} {}

  // Appends a line once no client caches what the line would make stale.
  void append(const std::string& line, std::function<void(leasebreak::error_code)> done) {
    leases_.async_access({"audit.log", leasebreak::access_kind::write},
      [this, line, done = std::move(done)](
        leasebreak::error_code failed, const leasebreak::access_result& may_write) {
        if (!failed)
          text_ += line + "\n"; // `may_write.hold` lives until the line is written
        static_cast<void>(may_write);
        done(failed);
      });
  }
  [[nodiscard]] const std::string& text() const { return text_; }

private:
  leasebreak::coordinator& leases_;
  std::string text_;
};

// -- its tests

int failures = 0;

void expect(bool holds, const char* what) {
  if (!holds) {
    ++failures;
    std::cout << "failed: " << what << '\n';
  }
}

const auto alice = leasebreak::client_guid::of(1);
const auto alices_key = leasebreak::lease_key::of(1);

// A client that caches the file acknowledges, and the line is written.
void a_line_is_written_when_the_client_has_acknowledged() {
  testkit::driven_coordinator driven;
  testkit::fake_client client{driven, alice};
  audit_log log{driven.leases()};
  client.open("audit.log", alices_key);

  leasebreak::error_code result;
  log.append("logged on", [&](leasebreak::error_code ec) { result = ec; });
  driven.settle();

  expect(client.breaks().size() == 1, "the client is told once");
  expect(!result && log.text() == "logged on\n", "the line is written");
}

// A client that never answers delays the line, but only up to the deadline of its break.
void a_silent_client_delays_a_line_for_35_seconds() {
  testkit::driven_coordinator driven;
  testkit::fake_client client{driven, alice};
  audit_log log{driven.leases()};
  client.answer_breaks_with(testkit::break_answer::waits);
  client.open("audit.log", alices_key);

  log.append("logged on", [](leasebreak::error_code) {});
  driven.advance(35s - 1ns);
  expect(log.text().empty(), "the line waits");
  driven.advance(1ns);
  expect(log.text() == "logged on\n", "the line is written at the deadline");
}

// The server is destroyed while a line waits.
void a_line_that_waits_fails_at_the_end() {
  testkit::driven_coordinator driven;
  testkit::fake_client client{driven, alice};
  audit_log log{driven.leases()};
  client.answer_breaks_with(testkit::break_answer::waits);
  client.open("audit.log", alices_key);
  leasebreak::error_code result;
  log.append("logged on", [&](leasebreak::error_code ec) { result = ec; });
  driven.settle();

  driven.destroy();
  driven.settle();

  expect(result == leasebreak::errc::shutting_down, "the caller hears of it");
  expect(log.text().empty(), "nothing is written");
}

// Two lines at the same time, in an order chosen by the seed.
void lines_are_written_once_in_every_order(std::uint64_t seed) {
  int written = 0;
  const auto use_at_once = [&](audit_log& log) {
    for (const auto* line : {"first", "second"})
      log.append(line, [&](leasebreak::error_code ec) { written += ec ? 0 : 1; });
  };
  testkit::seeded_loop loop{seed};
  const auto leases = loop.make_coordinator();
  audit_log log{*leases};
  use_at_once(log);
  while (loop.step()) {
  }

  expect(written == 2 && log.text().size() == 13, "both lines are written");
}

} // namespace

int main() {
  a_line_is_written_when_the_client_has_acknowledged();
  a_silent_client_delays_a_line_for_35_seconds();
  a_line_that_waits_fails_at_the_end();
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    lines_are_written_once_in_every_order(seed);
  std::cout << (failures == 0 ? "all tests passed\n" : "some tests failed\n");
  return failures == 0 ? 0 : 1;
}
