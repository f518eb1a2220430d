// Upper and lower case of names beyond ASCII, by Unicode's simple mappings.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::smb {

/// The name's letters in lower case, for comparing. Returns nothing if it is not UTF-8.
///
/// *Threads*: this and `to_upper_case` are safe from any thread, and leave the process's locale
/// alone. They throw `std::runtime_error` if the system has no locale C.UTF-8.
[[nodiscard]] std::optional<std::u32string> fold_case(std::string_view name);

/// The text with its ASCII letters in upper case, and all else as it was.
[[nodiscard]] std::string ascii_upper(std::string text);

/// Each UTF-16LE unit in upper case, as NTLM clients do it (MS-NLMP 3.3.2, `Uppercase`). Surrogates
/// stay as they are. `text` has an even number of bytes.
[[nodiscard]] byte_vector to_upper_case(bytes_view text);

} // namespace leasebreak::smb
