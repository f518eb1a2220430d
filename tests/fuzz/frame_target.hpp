// Runs every parser of the wire format on arbitrary bytes.
#pragma once

#include <smb_server/wire/byte_reader.hpp>

namespace leasebreak::smb::fuzz {

/// Parses `frame` as the server does, and each of its messages as every command. Throws
/// `std::logic_error` if a parser returns bytes outside the frame, or accepts input that it
/// documents as refused.
void parse_everything(bytes_view frame);

} // namespace leasebreak::smb::fuzz
