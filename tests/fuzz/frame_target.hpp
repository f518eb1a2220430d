// Every parser of the wire format, on bytes that came from anywhere.
#pragma once

#include <smb_server/wire/byte_reader.hpp>

namespace leasebreak::smb::fuzz {

/// Reads `frame` as the server would, and each message of it as each command. Throws
/// `std::logic_error` if a parser hands out what is not within the frame, or accepts what it says
/// that it refuses.
void parse_everything(bytes_view frame);

} // namespace leasebreak::smb::fuzz
