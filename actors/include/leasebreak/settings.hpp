// Settings that can change while a coordinator runs.
#pragma once

#include <leasebreak/error_code.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/lease_state.hpp>
#include <leasebreak/model/limits.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The settings of one share that differ from those of all files. A member without a value follows
/// the member of the same name in `settings` or `settings::limit`.
struct share_settings {
  std::optional<duration> break_timeout; ///< For leases whose first open came through the share.
  std::optional<duration> wait_max; ///< For operations through the share.
  std::optional<lease_state> caching_max; ///< For opens of the share.
  std::optional<std::size_t> opens_per_file; ///< Checked for opens of the share.
  std::optional<std::size_t> locks_per_file; ///< Checked for locks through opens of the share.

  friend bool operator==(const share_settings&, const share_settings&) = default;
};

/// The settings that `coordinator::change_settings` can change. See `coordinator_config` for the
/// members that both have.
struct settings {
  duration break_timeout = std::chrono::seconds{35}; ///< How long a holder may take to answer.
  duration wait_max = std::chrono::seconds{70}; ///< How long an operation may wait.
  duration answer_wait_max = std::chrono::seconds{5}; ///< How long a break waits for a response.
  /// The most that an open may be granted; `open_request::caching_max` may allow less.
  lease_state caching_max = lease_state::rwh;
  limits limit; ///< Upper bounds.
  /// By `open_request::share`, byte by byte. A coordinator accepts 1,024 different names in its
  /// lifetime.
  std::map<std::string, share_settings, std::less<>> shares;

  /// Returns an empty string if the settings are valid, otherwise the name of the wrong member and
  /// the reason.
  [[nodiscard]] std::string validate() const;
};

/// One setting that has changed, in the words of `set_by_name`.
struct changed_setting {
  std::string share; ///< Empty: that of all files.
  std::string name; ///< Such as "limit.opens_total".
  std::string before; ///< The old value.
  std::string after; ///< The new value.

  friend bool operator==(const changed_setting&, const changed_setting&) = default;
};

/// The result of `coordinator::change_settings`.
struct settings_change {
  error_code error; ///< `errc::invalid_argument` if nothing was changed.
  std::string fault; ///< With an error: the wrong setting and the reason.
  std::vector<changed_setting> changed; ///< Those whose values differ, with the old ones.
};

/// Sets a member by its name, such as "break_timeout" or "limit.opens_total", to a value such as
/// "20s", "1500ms", "unlimited", "1000", "RH" or "none". With `share`, sets the member of that
/// share, without "limit."; "default" removes its value. Returns an empty string, or what is wrong;
/// then nothing has changed.
[[nodiscard]] std::string set_by_name(
  settings& s, std::string_view name, std::string_view value, std::string_view share = {});

/// Returns the settings that differ, in a fixed order.
[[nodiscard]] std::vector<changed_setting> difference(
  const settings& before, const settings& after);

/// Returns every setting of all files, and those that shares have of their own. `before` is empty.
[[nodiscard]] std::vector<changed_setting> list_settings(const settings& s);

/// Returns one line for a log: `break_timeout of share "docs": 35s -> 20s`.
[[nodiscard]] std::string to_string(const changed_setting& c);

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
