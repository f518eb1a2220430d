#include "rfc3339.hpp"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

constexpr std::int64_t nanos_per_second = 1'000'000'000;
constexpr std::int64_t seconds_per_day = 86'400;
// 0001-01-01T00:00:00Z in seconds since 1970.
constexpr std::int64_t zero_time_seconds = -62'135'596'800;

void append_digits(std::string& out, std::int64_t value, int width) {
  const auto text = std::to_string(value);
  out.append(static_cast<std::size_t>(width) - text.size(), '0');
  out += text;
}

// Parses text from the left. `good` becomes false at the first mismatch and stays so.
struct scanner {
  std::string_view rest;
  bool good = true;

  int number(std::size_t width) {
    int value = 0;
    if (rest.size() < width) {
      good = false;
      return 0;
    }
    for (const char c : rest.substr(0, width)) {
      good = good && c >= '0' && c <= '9';
      value = value * 10 + (c - '0');
    }
    rest.remove_prefix(width);
    return value;
  }

  bool accept(char c) {
    if (rest.empty() || rest.front() != c)
      return false;
    rest.remove_prefix(1);
    return true;
  }

  void expect(char c) { good = accept(c) && good; }

  int at_most(int limit, std::size_t width) {
    const int value = number(width);
    good = good && value <= limit;
    return value;
  }

  // Returns the digits of a fraction as nanoseconds; there must be at least one.
  std::int64_t fraction() {
    std::int64_t nanos = 0;
    std::int64_t unit = nanos_per_second / 10;
    std::size_t count = 0;
    while (count < rest.size() && rest[count] >= '0' && rest[count] <= '9') {
      nanos += unit * (rest[count] - '0');
      unit /= 10;
      ++count;
    }
    good = good && count > 0;
    rest.remove_prefix(count);
    return nanos;
  }

  // Parses "Z", "+hh:mm" or "-hh:mm"; returns seconds.
  std::int64_t offset() {
    if (accept('Z'))
      return 0;
    const bool west = accept('-');
    if (!west)
      expect('+');
    const std::int64_t hours = at_most(23, 2);
    expect(':');
    const std::int64_t minutes = at_most(59, 2);
    const std::int64_t seconds = hours * 3600 + minutes * 60;
    return west ? -seconds : seconds;
  }
};

std::optional<time_point> from_parts(std::int64_t seconds, std::int64_t nanos) {
  if (seconds == zero_time_seconds && nanos == 0)
    return time_point{};
  // Count negative times from the next second, so that no step exceeds the range.
  if (seconds < 0) {
    seconds += 1;
    nanos -= nanos_per_second;
  }
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  if (seconds > most / nanos_per_second || seconds < least / nanos_per_second)
    return std::nullopt;
  const std::int64_t whole = seconds * nanos_per_second;
  if ((nanos > 0 && whole > most - nanos) || (nanos < 0 && whole < least - nanos))
    return std::nullopt;
  return time_point{duration{whole + nanos}};
}

} // namespace

void append_rfc3339(std::string& out, time_point time) {
  if (time == time_point{}) {
    out += "0001-01-01T00:00:00Z";
    return;
  }
  const std::int64_t total = time.time_since_epoch().count();
  std::int64_t seconds = total / nanos_per_second;
  std::int64_t nanos = total % nanos_per_second;
  if (nanos < 0) {
    nanos += nanos_per_second;
    --seconds;
  }
  std::int64_t days = seconds / seconds_per_day;
  std::int64_t of_day = seconds % seconds_per_day;
  if (of_day < 0) {
    of_day += seconds_per_day;
    --days;
  }
  const std::chrono::year_month_day date{
    std::chrono::sys_days{std::chrono::days{static_cast<std::int32_t>(days)}}};
  append_digits(out, static_cast<int>(date.year()), 4);
  out.push_back('-');
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out.push_back('-');
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out.push_back('T');
  append_digits(out, of_day / 3600, 2);
  out.push_back(':');
  append_digits(out, of_day / 60 % 60, 2);
  out.push_back(':');
  append_digits(out, of_day % 60, 2);
  if (nanos != 0) {
    out.push_back('.');
    append_digits(out, nanos, 9);
    while (out.back() == '0')
      out.pop_back();
  }
  out.push_back('Z');
}

std::optional<time_point> parse_rfc3339(std::string_view text) {
  scanner in{text};
  const int year = in.number(4);
  in.expect('-');
  const int month = in.number(2);
  in.expect('-');
  const int day = in.number(2);
  in.expect('T');
  const std::int64_t hour = in.at_most(23, 2);
  in.expect(':');
  const std::int64_t minute = in.at_most(59, 2);
  in.expect(':');
  const std::int64_t second = in.at_most(59, 2);
  const std::int64_t nanos = in.accept('.') ? in.fraction() : 0;
  const std::int64_t offset = in.offset();
  if (!in.good || !in.rest.empty())
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year},
    std::chrono::month{static_cast<unsigned>(month)}, std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok())
    return std::nullopt;
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  return from_parts(days * seconds_per_day + hour * 3600 + minute * 60 + second - offset, nanos);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
