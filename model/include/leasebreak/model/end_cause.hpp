// Why opens end.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstdint>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Why an open ended.
enum class end_cause : std::uint8_t {
  closed, ///< It was closed.
  disconnected, ///< Its connection, session or tree connect ended.
  expired, ///< It was durable, and its client did not reconnect in time.
  purged, ///< It was a disconnected durable open in the way of another operation.
  superseded, ///< Its application has opened the file on another client (MS-SMB2 3.3.5.9.13).
  lost, ///< In a cluster: another server has failed, and with it what was known of the open.
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
