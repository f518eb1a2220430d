// Validation of settings, and their names and values as text.
#include <leasebreak/model/quoted.hpp>
#include <leasebreak/settings.hpp>

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

constexpr std::string_view unlimited_text = "unlimited";
constexpr std::string_view default_text = "default";

struct duration_unit {
  std::string_view name;
  duration one;
};
constexpr std::array<duration_unit, 6> duration_units{
  {{"h", std::chrono::hours{1}}, {"min", std::chrono::minutes{1}}, {"s", std::chrono::seconds{1}},
    {"ms", std::chrono::milliseconds{1}}, {"us", std::chrono::microseconds{1}},
    {"ns", std::chrono::nanoseconds{1}}}};

std::string text_of(duration d) {
  if (d == duration::max())
    return std::string(unlimited_text);
  constexpr std::size_t seconds = 2; // minutes and hours are harder to compare
  std::size_t unit = seconds;
  while (unit + 1 < duration_units.size() && d % duration_units[unit].one != duration::zero())
    ++unit;
  return std::to_string(d / duration_units[unit].one) + std::string(duration_units[unit].name);
}

std::string text_of(std::size_t n) {
  return std::to_string(n);
}

std::string text_of(lease_state s) {
  return std::string(to_string(s));
}

template <class T>
std::string text_of(const std::optional<T>& value) {
  return value ? text_of(*value) : std::string(default_text);
}

/// The numbers may not have a sign, so that no value is negative.
std::string parse_setting(std::string_view text, std::size_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? "" : "is not a number";
}

std::string parse_setting(std::string_view text, duration& value) {
  if (text == unlimited_text) {
    value = duration::max();
    return {};
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const auto& [name, one] : duration_units)
    if (error == std::errc{} && number >= 0 && unit == name &&
      number < std::numeric_limits<std::int64_t>::max() / one.count()) {
      value = number * one;
      return {};
    }
  return "is not a time such as 20s, 1500ms, 2min or unlimited";
}

std::string parse_setting(std::string_view text, lease_state& value) {
  const auto state = parse_lease_state(text);
  value = state.value_or(value);
  return state ? "" : "is none of none, R, RH, RW and RWH";
}

template <class T>
std::string parse_setting(std::string_view text, std::optional<T>& value) {
  if (text == default_text) {
    value.reset();
    return {};
  }
  T parsed{};
  auto fault = parse_setting(text, parsed);
  if (fault.empty())
    value = parsed;
  return fault;
}

/// Calls `f(name, member of a, member of b)` for each setting of all files.
template <class A, class B, class Function>
void for_each_setting(A& a, B& b, const Function& f) {
  f("break_timeout", a.break_timeout, b.break_timeout);
  f("wait_max", a.wait_max, b.wait_max);
  f("answer_wait_max", a.answer_wait_max, b.answer_wait_max);
  f("caching_max", a.caching_max, b.caching_max);
  auto& x = a.limit;
  auto& y = b.limit;
  f("limit.locks_per_file", x.locks_per_file, y.locks_per_file);
  f("limit.locks_per_client", x.locks_per_client, y.locks_per_client);
  f("limit.locks_total", x.locks_total, y.locks_total);
  f("limit.opens_per_file", x.opens_per_file, y.opens_per_file);
  f("limit.opens_per_client", x.opens_per_client, y.opens_per_client);
  f("limit.opens_total", x.opens_total, y.opens_total);
  f("limit.channels_per_client", x.channels_per_client, y.channels_per_client);
  f("limit.waiting_per_file", x.waiting_per_file, y.waiting_per_file);
  f("limit.waiting_total", x.waiting_total, y.waiting_total);
  f("limit.guards_per_directory", x.guards_per_directory, y.guards_per_directory);
  f("limit.entry_name_bytes", x.entry_name_bytes, y.entry_name_bytes);
  f("limit.path_bytes", x.path_bytes, y.path_bytes);
  f("limit.file_id_bytes", x.file_id_bytes, y.file_id_bytes);
  f("limit.server_state_bytes", x.server_state_bytes, y.server_state_bytes);
  f("limit.ranges_per_lock", x.ranges_per_lock, y.ranges_per_lock);
  f("limit.resilience_max", x.resilience_max, y.resilience_max);
}

/// The same for the settings of a share.
template <class A, class B, class Function>
void for_each_share_setting(A& a, B& b, const Function& f) {
  f("break_timeout", a.break_timeout, b.break_timeout);
  f("wait_max", a.wait_max, b.wait_max);
  f("caching_max", a.caching_max, b.caching_max);
  f("opens_per_file", a.opens_per_file, b.opens_per_file);
  f("locks_per_file", a.locks_per_file, b.locks_per_file);
}

std::string fault_of_share(const share_settings& s) {
  if (s.break_timeout && *s.break_timeout <= duration::zero())
    return "break_timeout: must be positive";
  if (s.wait_max && *s.wait_max <= duration::zero())
    return "wait_max: must be positive";
  if (s.caching_max && !is_valid(*s.caching_max, false))
    return "caching_max: not a state of a lease";
  if (s.opens_per_file && *s.opens_per_file < 1)
    return "opens_per_file: must be at least 1";
  if (s.locks_per_file && *s.locks_per_file < 1)
    return "locks_per_file: must be at least 1";
  return {};
}

/// Assigns the text to the member named `name`. Returns what is wrong.
class setting_assignment {
public:
  setting_assignment(std::string_view name, std::string_view value) : name_(name), value_(value) {}

  template <class T>
  void operator()(std::string_view name, T& member, const T&) {
    if (name != name_)
      return;
    auto fault = parse_setting(value_, member);
    fault_ = fault.empty() ? "" : std::string(name) + ": " + quoted(value_) + " " + fault;
  }

  [[nodiscard]] std::string fault() && { return std::move(fault_); }

private:
  std::string_view name_;
  std::string_view value_;
  std::string fault_ = "no setting has the name " + quoted(name_);
};

template <class Each, class T>
void add_difference(std::vector<changed_setting>& to, const Each& each, const std::string& share,
  const T& before, const T& after) {
  each(before, after, [&](const char* name, const auto& a, const auto& b) {
    if (a != b)
      to.push_back({share, name, text_of(a), text_of(b)});
  });
}

constexpr auto each_setting = [](auto& a, auto& b, const auto& f) { for_each_setting(a, b, f); };
constexpr auto each_share_setting = [](auto& a, auto& b, const auto& f) {
  for_each_share_setting(a, b, f);
};

} // namespace

std::string settings::validate() const {
  const std::array<std::pair<bool, const char*>, 15> rules{{
    {break_timeout > duration::zero(), "break_timeout: must be positive"},
    {wait_max > duration::zero(), "wait_max: must be positive"},
    {answer_wait_max > duration::zero(), "answer_wait_max: must be positive"},
    {limit.locks_per_file >= 1, "limit.locks_per_file: must be at least 1"},
    {limit.locks_per_client >= 1, "limit.locks_per_client: must be at least 1"},
    {limit.locks_total >= 1, "limit.locks_total: must be at least 1"},
    {limit.opens_per_file >= 1, "limit.opens_per_file: must be at least 1"},
    {limit.opens_per_client >= 1, "limit.opens_per_client: must be at least 1"},
    {limit.opens_total >= 1, "limit.opens_total: must be at least 1"},
    {limit.waiting_per_file >= 1, "limit.waiting_per_file: must be at least 1"},
    {limit.waiting_total >= 1, "limit.waiting_total: must be at least 1"},
    {limit.file_id_bytes >= 1, "limit.file_id_bytes: must be at least 1"},
    {limit.ranges_per_lock >= 1, "limit.ranges_per_lock: must be at least 1"},
    {limit.resilience_max > duration::zero(), "limit.resilience_max: must be positive"},
    {is_valid(caching_max, false), "caching_max: not a state of a lease"},
  }};
  for (const auto& [good, text] : rules)
    if (!good)
      return text;
  for (const auto& [name, share] : shares)
    if (const auto fault = fault_of_share(share); !fault.empty())
      return "share " + quoted(name) + ": " + fault;
  return {};
}

std::string set_by_name(
  settings& s, std::string_view name, std::string_view value, std::string_view share) {
  setting_assignment assign(name, value);
  if (share.empty()) {
    for_each_setting(s, std::as_const(s), [&](const char* n, auto& a, auto&) { assign(n, a, a); });
    return std::move(assign).fault();
  }
  const auto found = s.shares.find(share);
  auto changed = found != s.shares.end() ? found->second : share_settings{};
  for_each_share_setting(
    changed, std::as_const(changed), [&](const char* n, auto& a, auto&) { assign(n, a, a); });
  auto fault = std::move(assign).fault();
  if (!fault.empty())
    return "share " + quoted(share) + ": " + fault;
  if (changed == share_settings{})
    s.shares.erase(std::string(share));
  else
    s.shares.insert_or_assign(std::string(share), changed);
  return {};
}

std::vector<changed_setting> difference(const settings& before, const settings& after) {
  std::vector<changed_setting> result;
  add_difference(result, each_setting, {}, before, after);
  const share_settings none;
  for (const auto& [name, share] : before.shares) {
    const auto now = after.shares.find(name);
    add_difference(
      result, each_share_setting, name, share, now != after.shares.end() ? now->second : none);
  }
  for (const auto& [name, share] : after.shares)
    if (before.shares.find(name) == before.shares.end())
      add_difference(result, each_share_setting, name, none, share);
  return result;
}

std::vector<changed_setting> list_settings(const settings& s) {
  std::vector<changed_setting> result;
  for_each_setting(s, s, [&](const char* name, const auto& value, const auto&) {
    result.push_back({{}, name, {}, text_of(value)});
  });
  for (const auto& each : s.shares) {
    const auto add = [&](const char* name, const auto& value, const auto&) {
      if (value)
        result.push_back({each.first, name, {}, text_of(value)});
    };
    for_each_share_setting(each.second, each.second, add);
  }
  return result;
}

std::string to_string(const changed_setting& c) {
  return c.name + (c.share.empty() ? "" : " of share " + quoted(c.share)) + ": " + c.before +
    " -> " + c.after;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
