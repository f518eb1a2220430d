// Upper bounds of what a coordinator accepts.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>

#include <chrono>
#include <cstddef>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Upper bounds. An operation that would exceed one fails with the error named here, without
/// effect.
struct limits {
  std::size_t locks_per_file = 1'000; ///< Byte-range locks; `errc::too_many_locks_on_file`.
  std::size_t locks_per_client = 10'000; ///< `errc::too_many_locks_of_client`.
  std::size_t locks_total = 100'000; ///< `errc::too_many_locks`.
  std::size_t opens_per_file = 100'000; ///< `errc::too_many_opens_on_file`.
  std::size_t opens_per_client = 1'000'000; ///< `errc::too_many_opens_of_client`.
  std::size_t opens_total = 16'000'000; ///< `errc::too_many_opens`.
  std::size_t channels_per_client = 4'096; ///< `errc::too_many_channels`.
  std::size_t waiting_per_file = 1'000; ///< Pending operations; `errc::too_many_waiting`.
  std::size_t waiting_total = 100'000; ///< `errc::too_many_waiting`.
  std::size_t guards_per_directory =
    10'000; ///< Entry guards, held and waiting; `errc::too_many_guards`.
  std::size_t entry_name_bytes = 4'096; ///< A name in an entry guard; `errc::invalid_argument`.
  std::size_t path_bytes = 32'768; ///< An open's or a tree's path; `errc::invalid_argument`.
  std::size_t file_id_bytes = 1'024; ///< Length of a file's id; `errc::file_id_too_long`.
  std::size_t server_state_bytes =
    16'384; ///< `durable_request::server_state`; `errc::invalid_argument`.
  std::size_t ranges_per_lock = 64; ///< Elements of one lock request; `errc::invalid_argument`.
  /// The longest timeout of a resilient open (MS-SMB2 3.3.2.5 MaxResiliencyTimeout);
  /// `errc::invalid_argument`.
  duration resilience_max = std::chrono::seconds{300};
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
