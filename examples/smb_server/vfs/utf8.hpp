// Decoding of UTF-8, as strictly as RFC 3629 has it. Private.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace leasebreak::smb::vfs::detail {

/// Takes the first character off `text`; nothing if it is empty or not well-formed.
[[nodiscard]] std::optional<char32_t> take_character(std::string_view& text) noexcept;

/// Whether all of it is well-formed.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

} // namespace leasebreak::smb::vfs::detail
