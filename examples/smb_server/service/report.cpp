// See report.hpp.
#include <smb_server/service/report.hpp>

#include <smb_server/server.hpp>

#include <leasebreak/model/quoted.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>

namespace leasebreak::smb {

namespace {

constexpr std::size_t waits_max = 1'000;

std::string seconds_between(time_point from, time_point to) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
  return std::to_string(ms / 1'000) + "." +
    std::to_string(std::max<std::int64_t>(ms, 0) / 100 % 10) + " s";
}

/// Without line breaks and what indents the lines. No text of the statistics has either.
std::string in_one_line(const std::string& json) {
  std::string result;
  for (const char c : json)
    if (c != '\n' &&
      (c != ' ' || (!result.empty() && result.back() != ' ' && result.back() != '{')))
      result += c;
  return result;
}

std::string named(const std::string& label) {
  return label.empty() ? "an unknown client" : quoted(label, 64);
}

void log_wait(spdlog::logger& to, const listed_entry& e, time_point now) {
  to.info("waits: file {}, {} of {} for {}, since {}{}",
    quoted(e.path.empty() ? e.file_id : e.path), e.reason, named(e.label), named(e.blocker_label),
    seconds_between(e.since, now),
    e.deadline != time_point{} ? ", at most " + seconds_between(now, e.deadline) + " more" : "");
}

} // namespace

boost::asio::awaitable<void> report_state(server& host) {
  host.log().info("statistics: {}", in_one_line(to_json(host.coordinator().stats())));
  list_request ask;
  ask.what = list_request::scope::waiting;
  std::size_t waits = 0;
  do {
    auto [error, page] = co_await host.coordinator().async_list_page(
      ask, boost::asio::as_tuple(boost::asio::use_awaitable));
    if (error)
      co_return host.log().warn("waits: {}", error.message());
    for (const listed_entry& e : page.entries)
      if (e.kind == entry_kind::waiting && ++waits <= waits_max)
        log_wait(host.log(), e, page.now);
    ask.after = page.next;
  } while (!ask.after.empty());
  host.log().info("waits: {} pending operations{}", waits,
    waits > waits_max ? "; not all of them are listed here" : "");
}

} // namespace leasebreak::smb
