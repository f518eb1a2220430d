// See run_settings.hpp.
#include <smb_server/service/run_settings.hpp>

#include <leasebreak/model/quoted.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace leasebreak::smb {

namespace {

constexpr auto setting_form = "[SHARE:]NAME=VALUE";

[[noreturn]] void refuse_setting(const std::string& text, const std::string& why) {
  throw std::invalid_argument("--set: " + quoted(text) + ": " + why);
}

duration twice(duration d) {
  return d > duration::max() / 2 ? duration::max() : 2 * d;
}

/// The name of a share may have a colon, as opposed to that of a setting.
void set_one(leasebreak::settings& s, const server_options& o, const std::string& text) {
  const auto mark = text.find('=');
  if (mark == std::string::npos)
    refuse_setting(text, std::string("it is not of the form ") + setting_form);
  const auto colon = text.rfind(':', mark);
  const std::string share = colon == std::string::npos ? "" : text.substr(0, colon);
  const auto from = colon == std::string::npos ? 0 : colon + 1;
  const bool is_served = std::any_of(
    o.shares.begin(), o.shares.end(), [&](const auto& other) { return other.name == share; });
  if (colon != std::string::npos && !is_served)
    refuse_setting(text, "there is no share of this name");
  const auto fault = set_by_name(s, text.substr(from, mark - from), text.substr(mark + 1), share);
  if (!fault.empty())
    refuse_setting(text, fault);
}

/// A share whose breaks take longer has operations that wait longer, unless told otherwise.
void extend_waits(leasebreak::settings& s) {
  for (auto& [name, share] : s.shares)
    if (share.break_timeout && !share.wait_max)
      share.wait_max = std::max(s.wait_max, twice(*share.break_timeout));
}

} // namespace

leasebreak::settings settings_of(const server_options& o, leasebreak::settings first) {
  auto s = std::move(first);
  s.shares.clear();
  s.break_timeout = o.break_timeout;
  s.wait_max = twice(s.break_timeout); // a break may have more than one step
  for (const share_definition& share : o.shares)
    if (share.options.leases != lease_state::rwh)
      s.shares[share.name].caching_max = share.options.leases;
  for (const std::string& text : o.settings)
    set_one(s, o, text);
  extend_waits(s);
  if (const auto fault = s.validate(); !fault.empty())
    throw std::invalid_argument("--set: " + fault);
  return s;
}

} // namespace leasebreak::smb
