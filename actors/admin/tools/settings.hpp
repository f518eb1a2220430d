// The commands `settings` and `set`.
#pragma once

#include "client.hpp"

#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl {

/// What `set` is to change.
struct setting_change {
  std::string name;
  std::string value;
  std::string share; ///< Empty: all files.
  bool dry_run = false;
};

/// Prints all settings. Returns the exit status.
int show_settings(admin_client& c, bool as_json);

/// Changes a setting and prints its old and its new value. Returns the exit status: 1 if it had the
/// value already.
int change_setting(admin_client& c, const setting_change& what, bool as_json);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl
