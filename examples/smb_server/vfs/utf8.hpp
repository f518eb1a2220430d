// Strict decoding of UTF-8 (RFC 3629). Private.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace leasebreak::smb::vfs::detail {

/// Removes the first character of `text` and returns it, or nothing if `text` is empty or
/// malformed.
[[nodiscard]] std::optional<char32_t> take_character(std::string_view& text) noexcept;

/// Whether the whole text is well-formed.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

} // namespace leasebreak::smb::vfs::detail
