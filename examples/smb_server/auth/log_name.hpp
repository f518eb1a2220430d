// A name that a client sent, for the log.
#pragma once

#include <string>
#include <string_view>

namespace leasebreak::smb {

/// Returns the name in quotes, cut after 64 bytes. Quotes, backslashes and control characters
/// become
/// `\xNN` for each byte, so that no name forges or hides a line.
[[nodiscard]] std::string log_name(std::string_view utf8);

} // namespace leasebreak::smb
