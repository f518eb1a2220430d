// The coordinator's settings, from the server's options.
#pragma once

#include <smb_server/options.hpp>

#include <leasebreak/settings.hpp>

namespace leasebreak::smb {

/// Returns `first`, the coordinator's settings before any option, with what the options say of
/// them. Throws `std::invalid_argument`, with words for the user, if they make no sense.
[[nodiscard]] leasebreak::settings settings_of(
  const server_options& o, leasebreak::settings first = {});

} // namespace leasebreak::smb
