// Upper and lower case of names, by Unicode's simple mappings.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::smb {

/// Returns the name in lower case, for comparisons, or nothing if it is not UTF-8.
///
/// *Threads*: this and `to_upper_case` are thread-safe, and do not change the process's locale.
/// They throw `std::runtime_error` if the system has no locale C.UTF-8.
[[nodiscard]] std::optional<std::u32string> fold_case(std::string_view name);

/// Converts only ASCII letters to upper case.
[[nodiscard]] std::string ascii_upper(std::string text);

/// Converts each UTF-16LE unit to upper case, like NTLM clients (MS-NLMP 3.3.2, `Uppercase`).
/// Surrogates are unchanged. `text` must have an even number of bytes.
[[nodiscard]] byte_vector to_upper_case(bytes_view text);

} // namespace leasebreak::smb
