// The header of an encrypted frame (MS-SMB2 2.2.41).
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <array>
#include <cstdint>
#include <optional>

namespace leasebreak::smb {

inline constexpr std::size_t transform_header_size = 52;

/// The header that precedes the ciphertext.
struct transform_header {
  std::array<std::uint8_t, 16> signature{};
  std::array<std::uint8_t, 16> nonce{};
  std::uint32_t original_size = 0;
  std::uint16_t flags = 0; ///< 1: encrypted.
  std::uint64_t session_id = 0;

  friend bool operator==(const transform_header&, const transform_header&) = default;
};

/// Returns nothing unless the header says that the rest is encrypted, and gives its length
/// correctly.
[[nodiscard]] std::optional<transform_header> parse_transform_header(bytes_view frame) noexcept;

/// Appends the header's 52 bytes.
void encode(byte_writer& out, const transform_header& h);

/// The part of an encoded header that the signature covers.
[[nodiscard]] inline bytes_view authenticated_part(bytes_view frame) noexcept {
  return frame.subspan(20, transform_header_size - 20);
}

} // namespace leasebreak::smb
