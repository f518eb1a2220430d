// Validation of UTF-8, and replacement of invalid bytes.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Returns the length of the valid UTF-8 sequence at the start of `text`, which must not be empty;
/// 0 if there is none (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF).
[[nodiscard]] std::size_t utf8_sequence(std::string_view text) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// Returns `text` with U+FFFD for each byte outside of a valid sequence, like Go's encoding/json.
[[nodiscard]] std::string replace_invalid_utf8(std::string_view text);

/// Appends `text` as a JSON string with its quotes. Escapes like Go's encoding/json, and writes
/// invalid bytes as \ufffd.
void append_json_string(std::string& out, std::string_view text);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
