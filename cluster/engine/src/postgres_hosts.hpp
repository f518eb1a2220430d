// Host names of a PostgreSQL connection, which libpq would look up on the calling thread.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <map>
#include <string>
#include <variant>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// The parameters of a connection by keyword, such as `host`.
using postgres_parameters = std::map<std::string, std::string>;

/// Returns the parameters in a connection string or URI, or an empty map if it is none.
[[nodiscard]] postgres_parameters parse_postgres_connection(const std::string& text);

/// Looks up the names in `host`, and sets `hostaddr` to their addresses. Leaves out hosts whose
/// names are unknown, if there are others. Returns what is wrong if there are none.
[[nodiscard]] boost::asio::awaitable<std::variant<postgres_parameters, std::string>> look_up_hosts(
  boost::asio::any_io_executor on, postgres_parameters parameters);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
