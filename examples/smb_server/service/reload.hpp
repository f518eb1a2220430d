// SIGHUP: reads the configuration file again.
#pragma once

#include <smb_server/options.hpp>

#include <functional>

namespace leasebreak::smb {

class server;

/// Reads the options and puts those into use that can change. Logs one line for each change, and
/// one if something is wrong; then nothing has changed.
void reload(server& host, const std::function<parsed_options()>& read);

} // namespace leasebreak::smb
