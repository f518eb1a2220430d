// Base64 with the standard alphabet and padding (RFC 4648 section 4), as Go encodes []byte.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

void append_base64(std::string& out, std::span<const std::uint8_t> bytes);

/// Decodes `text`. Returns nothing if it is not exactly what `append_base64` writes for some bytes.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
