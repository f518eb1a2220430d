// Requests to the service for operators: HTTP's syntax and the router.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

namespace leasebreak::smb::fuzz {

/// What a request came to.
enum class admin_end { no_request, refused, reads, acts };

/// Any bytes are a connection's first. Throws `std::logic_error` if something is to be done without
/// the right to it, or an answer is no JSON, or has markup.
admin_end play_admin_request(bytes_view bytes);

} // namespace leasebreak::smb::fuzz
