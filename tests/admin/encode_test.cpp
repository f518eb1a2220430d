// Tests of the JSON and metrics texts.
#include <leasebreak/admin/encode.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

const time_point now{seconds{1'700'000'000}};

listed_entry breaking_lease() {
  listed_entry e;
  e.kind = entry_kind::lease;
  e.file_id = std::string("\x00\xfe", 2);
  e.client = client_guid::of(0xa11ce);
  e.label = "alice at 10.0.0.1";
  e.share = "docs";
  e.path = "report.docx";
  e.open = open_id{0x2a};
  e.opens = 1;
  e.since = now - seconds{60};
  e.deadline = now + milliseconds{7'800};
  lease_info l;
  l.key = lease_key::of(1);
  l.state = lease_state::rwh;
  l.break_to = lease_state::rh;
  l.required = lease_state::rh;
  l.breaking = true;
  l.epoch = 2;
  l.break_started = now - milliseconds{4'200};
  e.lease = l;
  return e;
}

listed_entry waiting_open() {
  listed_entry e;
  e.kind = entry_kind::waiting;
  e.file_id = std::string("\x00\xfe", 2);
  e.client = client_guid::of(0xb0b);
  e.label = "bob at 10.0.0.2";
  e.share = "docs";
  e.path = "report.docx";
  e.reason = "open";
  e.waits_for = "a break from RWH to RH of lease 01000000000000000000000000000000";
  e.blocker = client_guid::of(0xa11ce);
  e.blocker_label = "alice at 10.0.0.1";
  e.since = now - milliseconds{4'200};
  e.deadline = now + seconds{65};
  return e;
}

TEST(AdminJson, ShowsALeaseThatBreaks) {
  EXPECT_EQ(to_json(breaking_lease(), now),
    R"({"kind":"lease","file":"00fe","share":"docs","path":"report.docx",)"
    R"("client":"ce110a00000000000000000000000000","label":"alice at 10.0.0.1",)"
    R"("open":"000000000000002a","since":"2023-11-14T22:12:20.000Z","seconds":60,)"
    R"("state":"RWH","key":"01000000000000000000000000000000","epoch":2,"version":2,)"
    R"("directory":false,"opens":1,"breaking":{"to":"RH","required":"RH",)"
    R"("since":"2023-11-14T22:13:15.800Z","seconds":4.2,)"
    R"("deadline":"2023-11-14T22:13:27.800Z","seconds_left":7.8}})"
    "\n");
}

TEST(AdminJson, ShowsWhoWaitsForWhom) {
  listed_page page;
  page.now = now;
  page.entries = {breaking_lease(), waiting_open()};

  EXPECT_EQ(waits_to_json(page),
    R"({"now":"2023-11-14T22:13:20.000Z","waits":[{"waiter":{)"
    R"("client":"0b0b0000000000000000000000000000","label":"bob at 10.0.0.2"},)"
    R"("file":"00fe","share":"docs","path":"report.docx",)"
    R"("since":"2023-11-14T22:13:15.800Z","seconds":4.2,"operation":"open",)"
    R"("waits_for":"a break from RWH to RH of lease 01000000000000000000000000000000",)"
    R"("holder":{"client":"ce110a00000000000000000000000000","label":"alice at 10.0.0.1"},)"
    R"("deadline":"2023-11-14T22:14:25.000Z","seconds_left":65}],"next":null})"
    "\n");
}

// Clients choose names. With any name, the text must be valid JSON and UTF-8, without markup.
TEST(AdminJson, KeepsHostileNamesHarmless) {
  auto e = breaking_lease();
  e.path = "<img src=x onerror=alert(1)>&\"\\\n\xff\xe2\x80\xa8";
  e.label = "</script>\xc0\xaf";
  e.share = std::string("a\0b", 3);
  listed_page page;
  page.entries = {e};
  page.next = std::string("\xff<", 2);

  const auto text = to_json(page);

  EXPECT_EQ(text.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(text.find("\xe2\x80\xa8"), std::string::npos);
  boost::system::error_code error;
  const auto parsed = json::parse(text, error); // refuses invalid UTF-8
  ASSERT_FALSE(error) << error.message();
  const auto& shown = parsed.at("entries").at(0);
  EXPECT_EQ(
    shown.at("path").as_string(), "<img src=x onerror=alert(1)>&\"\\\n\xef\xbf\xbd\xe2\x80\xa8");
  EXPECT_EQ(shown.at("label").as_string(), "</script>\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(parsed.at("next").as_string(), "ff3c");
}

TEST(AdminJson, ShowsOpensAndLocks) {
  listed_entry open;
  open.kind = entry_kind::open;
  open.client = client_guid::of(1);
  open.durable = true;
  open.since = now;
  open.deadline = now + seconds{5};
  listed_entry lock;
  lock.kind = entry_kind::byte_range_lock;
  lock.range = {10, 20};
  lock.exclusive = true;

  const auto shown = json::parse(to_json(open, now));
  EXPECT_TRUE(shown.at("durable").as_bool());
  EXPECT_TRUE(shown.at("disconnected").as_bool());
  EXPECT_EQ(shown.at("seconds_left").to_number<double>(), 5.0);
  const auto range = json::parse(to_json(lock, now));
  EXPECT_EQ(range.at("kind").as_string(), "byte-range lock");
  EXPECT_EQ(range.at("offset").to_number<int>(), 10);
  EXPECT_EQ(range.at("length").to_number<int>(), 20);
  EXPECT_TRUE(range.at("exclusive").as_bool());
}

TEST(AdminJson, ShowsClientsAPageAtATime) {
  const std::vector<listed_client> clients = {{client_guid::of(1), "a", 2, 3}};

  EXPECT_EQ(to_json(clients, true),
    "{\"clients\":[{\"client\":\"01000000000000000000000000000000\",\"label\":\"a\",\"opens\":2,"
    "\"locks\":3}],\"next\":null}\n");
  EXPECT_EQ(json::parse(to_json(clients, false)).at("next").as_string(),
    "01000000000000000000000000000000");
  EXPECT_EQ(to_json(std::vector<listed_client>(), true), "{\"clients\":[],\"next\":null}\n");
}

event some_event(event_kind kind) {
  event e;
  e.kind = kind;
  e.time = now;
  e.file_id = std::string("\x00\xfe", 2);
  e.path = "<b>";
  e.client = client_guid::of(0xa11ce);
  e.label = "alice";
  e.operation = operation_id{0x11};
  e.break_number = break_id{3};
  e.key = lease_key::of(1);
  e.from = lease_state::rwh;
  e.to = lease_state::rh;
  e.left = lease_state::r;
  e.lasted = milliseconds{4'006};
  e.waiting = 2;
  return e;
}

TEST(AdminJson, ShowsEvents) {
  EXPECT_EQ(to_json(some_event(event_kind::acknowledged)),
    R"({"time":"2023-11-14T22:13:20.000Z","kind":"acknowledged","file":"00fe",)"
    R"("path":"\u003cb\u003e","client":"ce110a00000000000000000000000000","label":"alice",)"
    R"("operation":"0000000000000011","key":"01000000000000000000000000000000","break":3,)"
    R"("cause":"open","from":"RWH","to":"RH","seconds":4.006,"waiting":2,)"
    R"("outcome":"acknowledged","left":"R"})"
    "\n");
  const auto of = [](
                    event_kind kind) { return json::parse(to_json(some_event(kind))).as_object(); };
  EXPECT_EQ(of(event_kind::wait_ended).at("wait").as_string(), "open");
  EXPECT_EQ(of(event_kind::wait_ended).at("seconds").to_number<double>(), 4.006);
  EXPECT_EQ(of(event_kind::granted).at("state").as_string(), "RH");
  EXPECT_EQ(of(event_kind::client_unresponsive).at("breaks").to_number<int>(), 2);
  EXPECT_FALSE(of(event_kind::break_begun).contains("outcome"));
  EXPECT_FALSE(of(event_kind::closed).contains("break"));
  auto refused = some_event(event_kind::open_refused);
  refused.error = errc::delete_pending;
  EXPECT_EQ(json::parse(to_json(refused)).at("error").as_string(),
    std::string(to_string(errc::delete_pending)));
}

/// Statistics with distinct numbers.
statistics some_statistics() {
  statistics s;
  s.opens = 101;
  s.opens_refused = 102;
  s.closes = 103;
  for (std::size_t i = 0; i < s.grants_by_state.size(); ++i)
    s.grants_by_state[i] = 110 + i;
  for (std::size_t i = 0; i < s.breaks_by_cause.size(); ++i)
    s.breaks_by_cause[i] = 120 + i;
  for (std::size_t i = 0; i < s.breaks_by_outcome.size(); ++i)
    s.breaks_by_outcome[i] = 140 + i;
  s.acknowledgements_late = 4;
  s.acknowledgements_refused = 9;
  s.operations_cancelled = 150;
  s.store_batches = 151;
  s.store_failures = 152;
  s.records_written = 153;
  s.opens_now = 154;
  s.locks_now = 155;
  s.breaking_now = 156;
  s.waiting_now = 157;
  s.waiting_for_guards_now = 158;
  s.files_alive = 159;
  s.clients = 160;
  s.store_backlog = 161;
  s.store_lag_us = 1'500'000;
  s.store_failing = true;
  s.in_grace = true;
  s.break_latency.count[0] = 1;
  s.break_latency.count[10] = 2;
  s.break_latency.count.back() = 3;
  s.break_latency.sum_us = 3'000'000'001;
  s.sink_failures = 162;
  s.forced_breaks = 163;
  s.breaks_overdue = 164;
  s.clients_unresponsive = 165;
  for (std::size_t i = 0; i < wait_kinds; ++i) {
    s.wait_latency[i].count[i] = 10 + i;
    s.wait_latency[i].sum_us = 1'000'000 * (10 + i);
  }
  return s;
}

std::string some_metrics() {
  return to_prometheus(some_statistics(), {"1.2\"\\\n\xff", now + std::chrono::milliseconds{250}});
}

TEST(Metrics, AreWhatTheyWere) {
  std::ifstream file(LEASEBREAK_ADMIN_GOLDEN "/metrics.txt");
  std::ostringstream golden;
  golden << file.rdbuf();

  EXPECT_EQ(some_metrics(), golden.str());
}

TEST(Metrics, PassPrometheusOwnCheck) {
#ifdef LEASEBREAK_PROMTOOL
  auto* const tool = ::popen(LEASEBREAK_PROMTOOL " check metrics 2>&1", "w");
  ASSERT_NE(tool, nullptr);
  const auto text = some_metrics();
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), tool), text.size());
  EXPECT_EQ(::pclose(tool), 0);
#else
  GTEST_SKIP() << "promtool is not installed";
#endif
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
