// The part of DER (X.690) that SPNEGO needs. All reads are bounds-checked.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <optional>

namespace leasebreak::smb::der {

/// Identifier octets. `application` and `context` return tags of constructed elements.
namespace tag {
inline constexpr std::uint8_t octet_string = 0x04;
inline constexpr std::uint8_t object_identifier = 0x06;
inline constexpr std::uint8_t enumerated = 0x0a;
inline constexpr std::uint8_t general_string = 0x1b;
inline constexpr std::uint8_t sequence = 0x30;
inline constexpr std::uint8_t application_0 = 0x60;

[[nodiscard]] constexpr std::uint8_t context(std::uint8_t number) noexcept {
  return static_cast<std::uint8_t>(0xa0 | number);
}
[[nodiscard]] constexpr bool is_context(std::uint8_t tag) noexcept {
  return (tag & 0xe0) == 0xa0;
}
} // namespace tag

/// One element. Both views refer to the bytes that were read.
struct element {
  std::uint8_t tag = 0;
  bytes_view content;
  bytes_view whole; ///< With tag and length.
};

/// Removes the first element from `bytes` and returns it. Returns nothing, and leaves `bytes`
/// unchanged, if there is none or it is malformed: truncated, of indefinite length, or with a tag
/// of several octets. A length may have more octets than necessary, up to four.
[[nodiscard]] std::optional<element> take(bytes_view& bytes) noexcept;

/// Like `take`, but the element must have this tag. Returns its content.
[[nodiscard]] std::optional<bytes_view> take(bytes_view& bytes, std::uint8_t tag) noexcept;

/// Returns the content of the only element of `bytes`, which must have this tag.
[[nodiscard]] std::optional<bytes_view> only(bytes_view bytes, std::uint8_t tag) noexcept;

/// Encodes an element.
[[nodiscard]] byte_vector make(std::uint8_t tag, bytes_view content);

} // namespace leasebreak::smb::der
