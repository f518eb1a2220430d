// Which text is UTF-8, and what stands for text that is not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace leasebreak::detail {

/// The length of the valid UTF-8 sequence at the start of `text`, which is not empty; 0 if there is
/// none (RFC 3629: no surrogates, no overlong forms, nothing past U+10FFFF).
[[nodiscard]] std::size_t utf8_sequence(std::string_view text) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// `text` with U+FFFD for each byte that belongs to no valid sequence, as Go's encoding/json does.
[[nodiscard]] std::string replace_invalid_utf8(std::string_view text);

/// Appends `text` as a JSON string with its quotes, escaped as Go's encoding/json does it, invalid
/// bytes as \ufffd.
void append_json_string(std::string& out, std::string_view text);

} // namespace leasebreak::detail
