// The service for operators (`leasebreak::admin`), if the command line asks for it.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <spdlog/logger.h>

#include <memory>

namespace leasebreak::smb {

class server;

/// Starts what `server_options::admin` asks for; null if that is nothing. It ends when the result
/// is destroyed, which must be before the server stops. Throws as `leasebreak::admin::service`
/// does, and `std::runtime_error` if the program was built without it.
[[nodiscard]] std::shared_ptr<void> start_admin(
  server& host, boost::asio::any_io_executor executor, std::shared_ptr<spdlog::logger> logger);

} // namespace leasebreak::smb
