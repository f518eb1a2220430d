// Converts names between UTF-16LE, as on the wire, and UTF-8, as in the file system.
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::smb {

/// Returns nothing if the number of bytes is odd or a surrogate is unpaired.
[[nodiscard]] std::optional<std::string> utf16_to_utf8(bytes_view bytes);

/// Replaces each byte that is not valid UTF-8 by U+FFFD.
[[nodiscard]] byte_vector utf8_to_utf16(std::string_view text);

} // namespace leasebreak::smb
