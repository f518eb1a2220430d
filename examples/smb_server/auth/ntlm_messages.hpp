// NTLM's three messages (MS-NLMP 2.2.1) and the contents of a client's NTLMv2 response (2.2.2).
#pragma once

#include <smb_server/crypto/digest.hpp>

#include <array>
#include <optional>
#include <string_view>

namespace leasebreak::smb::ntlm {

/// MS-NLMP 2.2.2.5, the NegotiateFlags that this server uses.
namespace flag {
inline constexpr std::uint32_t unicode = 0x0000'0001;
inline constexpr std::uint32_t oem = 0x0000'0002;
inline constexpr std::uint32_t request_target = 0x0000'0004;
inline constexpr std::uint32_t sign = 0x0000'0010;
inline constexpr std::uint32_t seal = 0x0000'0020;
inline constexpr std::uint32_t ntlm = 0x0000'0200;
inline constexpr std::uint32_t anonymous = 0x0000'0800;
inline constexpr std::uint32_t always_sign = 0x0000'8000;
inline constexpr std::uint32_t target_type_server = 0x0002'0000;
inline constexpr std::uint32_t extended_session_security = 0x0008'0000;
inline constexpr std::uint32_t target_info = 0x0080'0000;
inline constexpr std::uint32_t version = 0x0200'0000;
inline constexpr std::uint32_t key_128 = 0x2000'0000;
inline constexpr std::uint32_t key_exchange = 0x4000'0000;
inline constexpr std::uint32_t key_56 = 0x8000'0000;
} // namespace flag

/// MS-NLMP 2.2.2.1, AvId.
namespace av {
inline constexpr std::uint16_t end = 0;
inline constexpr std::uint16_t computer_name = 1;
inline constexpr std::uint16_t domain_name = 2;
inline constexpr std::uint16_t dns_computer_name = 3;
inline constexpr std::uint16_t dns_domain_name = 4;
inline constexpr std::uint16_t flags = 6;
inline constexpr std::uint16_t timestamp = 7;
/// A bit of `flags`: AUTHENTICATE_MESSAGE has a MIC.
inline constexpr std::uint32_t has_mic = 0x2;
} // namespace av

/// Whether the bytes begin with the signature of NTLM messages.
[[nodiscard]] bool is_message(bytes_view bytes) noexcept;

/// Returns the flags of NEGOTIATE_MESSAGE (2.2.1.1), or nothing if it is another message. Ignores
/// the domain, the workstation and the version, which many clients omit.
[[nodiscard]] std::optional<std::uint32_t> parse_negotiate(bytes_view message) noexcept;

using challenge_bytes = std::array<std::uint8_t, 8>;

/// The contents of CHALLENGE_MESSAGE (2.2.1.2). Names are UTF-8.
struct challenge {
  std::uint32_t flags = 0;
  challenge_bytes server_challenge{};
  std::string_view computer; ///< DNS name; its first label in upper case is the NetBIOS name.
  std::string_view domain; ///< NetBIOS name.
  std::uint64_t time = 0; ///< FILETIME.
};

/// Returns the flags of the response to a client that sent `asked` (MS-NLMP 3.2.5.1.1).
[[nodiscard]] std::uint32_t answer_flags(std::uint32_t asked) noexcept;

[[nodiscard]] byte_vector encode(const challenge& c);

/// AUTHENTICATE_MESSAGE (2.2.1.3). The views refer to the message.
struct authenticate {
  std::uint32_t flags = 0;
  bytes_view nt_response;
  bytes_view domain;
  bytes_view user;
  bytes_view encrypted_session_key;
  /// The offset of the payload, which follows the fixed fields.
  std::size_t payload_begin = 0;
};

/// Returns nothing if it is another message, or a field exceeds the message.
[[nodiscard]] std::optional<authenticate> parse_authenticate(bytes_view message) noexcept;

/// Returns the offset of the 16 bytes of the MIC, or nothing if the message is too short for one.
/// The MIC follows the version, which clients that did not negotiate it may omit.
[[nodiscard]] std::optional<std::size_t> mic_offset(const authenticate& a) noexcept;

/// NTLMv2_RESPONSE (2.2.2.8).
struct nt_response_v2 {
  key16 proof{}; ///< `NTProofStr`.
  bytes_view client_challenge; ///< NTLMv2_CLIENT_CHALLENGE (2.2.2.7), which the proof covers.
  std::uint32_t flags = 0; ///< The value of MsvAvFlags; 0 if it is absent.
};

/// Returns nothing if the response is not of version 2, or its list of AV pairs is malformed.
[[nodiscard]] std::optional<nt_response_v2> parse_nt_response(bytes_view response) noexcept;

} // namespace leasebreak::smb::ntlm
