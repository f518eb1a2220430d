// The part of DER (X.690) that SPNEGO needs. Reads without ever leaving the bytes it was given.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <optional>

namespace leasebreak::smb::der {

/// Identifier octets. `application` and `context` tags are constructed ones.
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

/// One value: both views are parts of the bytes that were read.
struct element {
  std::uint8_t tag = 0;
  bytes_view content;
  bytes_view whole; ///< Tag and length included.
};

/// Takes the first element off the front of `bytes`. Returns nothing, and leaves `bytes` as it was,
/// if there is none or it is malformed: cut off, of indefinite length, or with a tag of several
/// octets. A length may use more octets than it needs, up to four.
[[nodiscard]] std::optional<element> take(bytes_view& bytes) noexcept;

/// As `take`, but the element must have this tag. Returns its content.
[[nodiscard]] std::optional<bytes_view> take(bytes_view& bytes, std::uint8_t tag) noexcept;

/// The content of the only element within `bytes`, which must have this tag.
[[nodiscard]] std::optional<bytes_view> only(bytes_view bytes, std::uint8_t tag) noexcept;

/// An element with this content.
[[nodiscard]] byte_vector make(std::uint8_t tag, bytes_view content);

} // namespace leasebreak::smb::der
