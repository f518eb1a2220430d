// SIGUSR1: statistics and waits in the log.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace leasebreak::smb {

class server;

/// Logs the coordinator's statistics, and one line for each pending operation, up to a limit.
boost::asio::awaitable<void> report_state(server& host);

} // namespace leasebreak::smb
