// Names between the wire's UTF-16LE and the file system's UTF-8.
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::smb {

/// Nothing if the bytes are odd in number or hold an unpaired surrogate.
[[nodiscard]] std::optional<std::string> utf16_to_utf8(bytes_view bytes);

/// Bytes that are not valid UTF-8 become U+FFFD each.
[[nodiscard]] byte_vector utf8_to_utf16(std::string_view text);

} // namespace leasebreak::smb
