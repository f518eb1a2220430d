// NEGOTIATE (MS-SMB2 2.2.3, 2.2.4) and the SMB1 message that may precede it.
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace leasebreak::smb {

/// MS-SMB2 2.2.3 Dialects.
enum class dialect : std::uint16_t {
  none = 0,
  smb_2_0_2 = 0x0202,
  smb_2_1 = 0x0210,
  smb_3_0 = 0x0300,
  smb_3_0_2 = 0x0302,
  smb_3_1_1 = 0x0311,
  smb_2_wildcard = 0x02ff, ///< Only in the response to SMB1.
};

namespace capability {
inline constexpr std::uint32_t dfs = 0x01;
inline constexpr std::uint32_t leasing = 0x02;
inline constexpr std::uint32_t large_mtu = 0x04;
inline constexpr std::uint32_t multi_channel = 0x08;
inline constexpr std::uint32_t persistent_handles = 0x10;
inline constexpr std::uint32_t directory_leasing = 0x20;
inline constexpr std::uint32_t encryption = 0x40;
} // namespace capability

namespace security_mode {
inline constexpr std::uint16_t signing_enabled = 1;
inline constexpr std::uint16_t signing_required = 2;
} // namespace security_mode

/// MS-SMB2 2.2.3.1.7 SigningAlgorithms; HMAC-SHA256 is also what 2.x dialects use.
enum class signing_algorithm : std::uint16_t { hmac_sha256 = 0, aes_cmac = 1, aes_gmac = 2 };

inline constexpr std::uint16_t hash_sha512 = 1;

struct negotiate_request {
  std::uint16_t security_mode = 0;
  std::uint32_t capabilities = 0;
  guid client_guid{};
  std::vector<dialect> dialects;

  // Contexts of 3.1.1; all false and empty for other dialects.
  std::size_t preauth_contexts = 0; ///< The number of them; must be one.
  std::vector<std::uint16_t> hash_algorithms;
  std::vector<std::uint16_t> signing_algorithms;
  std::vector<std::uint16_t> ciphers;
};

/// Returns nothing if the message is malformed.
[[nodiscard]] std::optional<negotiate_request> parse_negotiate(bytes_view message);

struct negotiate_response {
  std::uint16_t security_mode = security_mode::signing_enabled;
  smb::dialect dialect = smb::dialect::none;
  guid server_guid{};
  std::uint32_t capabilities = 0;
  std::uint32_t max_transact = 0;
  std::uint32_t max_read = 0;
  std::uint32_t max_write = 0;
  std::uint64_t system_time = 0;
  std::uint64_t start_time = 0;
  bytes_view security_buffer;

  std::optional<guid> preauth_salt_low; ///< Set for 3.1.1; the next field is the other half.
  std::optional<guid> preauth_salt_high;
  std::optional<signing_algorithm> signing;
  std::optional<std::uint16_t> cipher;
};

/// Appends the body; `out` must contain exactly the header.
void encode(byte_writer& out, const negotiate_response& r);

/// The parameters of VALIDATE_NEGOTIATE_INFO (MS-SMB2 2.2.31.4).
struct validate_negotiate_request {
  std::uint32_t capabilities = 0;
  guid client_guid{};
  std::uint16_t security_mode = 0;
  std::vector<dialect> dialects;
};

[[nodiscard]] std::optional<validate_negotiate_request> parse_validate_negotiate(bytes_view input);

/// The SMB2 dialects that an SMB1 NEGOTIATE (MS-CIFS 2.2.4.52) offers.
struct smb1_offer {
  bool smb_2_002 = false;
  bool smb_2_wildcard = false;
};

/// Returns nothing if the frame is not an SMB1 NEGOTIATE.
[[nodiscard]] std::optional<smb1_offer> parse_smb1_negotiate(bytes_view frame);

} // namespace leasebreak::smb
