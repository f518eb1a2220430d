// NTLMv2's computations (MS-NLMP 3.3.2, 3.4): pure functions. Text is UTF-16LE.
#pragma once

#include <smb_server/auth/ntlm_messages.hpp>

namespace leasebreak::smb::ntlm {

/// NTOWFv2. `user` must be in upper case, `domain` as the client sent it.
[[nodiscard]] key16 response_key(const key16& nt_hash, bytes_view user, bytes_view domain);

/// NTProofStr.
[[nodiscard]] key16 nt_proof(
  const key16& response_key, const challenge_bytes& server_challenge, bytes_view client_challenge);

/// SessionBaseKey, which is the KeyExchangeKey of NTLMv2 (3.4.5.1).
[[nodiscard]] key16 session_base_key(const key16& response_key, const key16& proof);

/// ExportedSessionKey (3.2.5.1.2). Returns nothing if a key that the client must send is missing.
[[nodiscard]] std::optional<key16> exported_session_key(const key16& base, const authenticate& a);

/// The MIC of the three messages (3.1.5.1.2). The 16 bytes of AUTHENTICATE_MESSAGE at `mic_at`,
/// which must exist, count as zero.
[[nodiscard]] key16 message_integrity_code(const key16& exported_session_key, bytes_view negotiate,
  bytes_view challenge, bytes_view authenticate, std::size_t mic_at);

enum class direction { to_server, to_client };

/// SIGNKEY and SEALKEY with extended session security (3.4.5.2, 3.4.5.3).
[[nodiscard]] key16 signing_key(const key16& exported_session_key, direction d);
[[nodiscard]] key16 sealing_key(
  const key16& exported_session_key, std::uint32_t flags, direction d);

/// The signature of the first message in one direction, with extended session security (3.4.4.2).
[[nodiscard]] key16 first_signature(
  const key16& exported_session_key, std::uint32_t flags, direction d, bytes_view message);

} // namespace leasebreak::smb::ntlm
