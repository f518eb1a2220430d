// The service for operators (`leasebreak::admin`), if the command line asks for it.
#pragma once

#include <leasebreak/config.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <spdlog/logger.h>

#include <memory>

namespace leasebreak::smb {

class server;
struct admin_options;

/// Makes the coordinator report its events to the service, if there is to be one. The result is for
/// `server::events`; it may be null.
[[nodiscard]] std::shared_ptr<void> report_events(
  const admin_options& wanted, coordinator_config& config);

/// Starts what `server_options::admin` asks for; null if that is nothing. It ends when the result
/// is destroyed, which must be before the server stops. Throws as `leasebreak::admin::service`
/// does, and `std::runtime_error` if the program was built without it.
[[nodiscard]] std::shared_ptr<void> start_admin(
  server& host, boost::asio::any_io_executor executor, std::shared_ptr<spdlog::logger> logger);

} // namespace leasebreak::smb
