// Requests to the service for operators: HTTP's syntax and the router.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <cstddef>
#include <optional>

namespace leasebreak::smb::fuzz {

/// What a request came to.
enum class admin_end { no_request, refused, reads, acts };

struct admin_outcome {
  admin_end end = admin_end::no_request;
  std::optional<std::size_t> call; ///< Which call the router has found, below `admin_calls()`.
};

/// The number of different calls, and thus at least of different routes.
std::size_t admin_calls() noexcept;

/// Any bytes are a connection's first. Throws `std::logic_error` if something is to be done without
/// the right to it, or an answer is no JSON, or has markup.
admin_outcome play_admin_request(bytes_view bytes);

} // namespace leasebreak::smb::fuzz
