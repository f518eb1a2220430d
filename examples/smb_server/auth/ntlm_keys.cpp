// NTLMv2's computations.
#include <smb_server/auth/ntlm_keys.hpp>

#include <smb_server/crypto/legacy.hpp>

#include <algorithm>
#include <string>

namespace leasebreak::smb::ntlm {

namespace {

/// SIGNKEY and SEALKEY (3.4.5.2, 3.4.5.3) hash the key and this text, with its terminating zero.
key16 derived(bytes_view key, direction d, std::string_view purpose) {
  std::string text{"session key to "};
  text += d == direction::to_server ? "client-to-server " : "server-to-client ";
  text += purpose;
  text += " key magic constant";
  return md5({key, {reinterpret_cast<const std::uint8_t*>(text.c_str()), text.size() + 1}});
}

} // namespace

key16 response_key(const key16& nt_hash, bytes_view user, bytes_view domain) {
  return hmac_md5(nt_hash, {user, domain});
}

key16 nt_proof(
  const key16& response_key, const challenge_bytes& server_challenge, bytes_view client_challenge) {
  return hmac_md5(response_key, {server_challenge, client_challenge});
}

key16 session_base_key(const key16& response_key, const key16& proof) {
  return hmac_md5(response_key, {proof});
}

std::optional<key16> exported_session_key(const key16& base, const authenticate& a) {
  const bytes_view sent = a.encrypted_session_key;
  const bool is_protected = (a.flags & (flag::sign | flag::seal)) != 0;
  if ((a.flags & flag::key_exchange) == 0 || (sent.empty() && !is_protected))
    return base;
  if (sent.size() != base.size())
    return std::nullopt;
  const byte_vector key = rc4(base, sent);
  key16 result{};
  std::copy(key.begin(), key.end(), result.begin());
  return result;
}

key16 message_integrity_code(const key16& exported_session_key, bytes_view negotiate,
  bytes_view challenge, bytes_view authenticate, std::size_t mic_at) {
  const key16 zeros{};
  return hmac_md5(exported_session_key,
    {negotiate, challenge, authenticate.first(mic_at), zeros,
      authenticate.subspan(mic_at + zeros.size())});
}

key16 signing_key(const key16& exported_session_key, direction d) {
  return derived(exported_session_key, d, "signing");
}

key16 sealing_key(const key16& exported_session_key, std::uint32_t flags, direction d) {
  std::size_t length = 5;
  if ((flags & flag::key_128) != 0)
    length = 16;
  else if ((flags & flag::key_56) != 0)
    length = 7;
  return derived(bytes_view{exported_session_key}.first(length), d, "sealing");
}

key16 first_signature(
  const key16& exported_session_key, std::uint32_t flags, direction d, bytes_view message) {
  constexpr std::array<std::uint8_t, 4> sequence_number{};
  constexpr std::size_t checksum_bytes = 8;
  const key16 full = hmac_md5(signing_key(exported_session_key, d), {sequence_number, message});
  const bytes_view checksum = bytes_view{full}.first(checksum_bytes);
  byte_writer out;
  out.u32(1); // the signature's version
  if ((flags & flag::key_exchange) != 0)
    out.append(rc4(sealing_key(exported_session_key, flags, d), checksum));
  else
    out.append(checksum);
  out.append(sequence_number);
  key16 result{};
  std::copy(out.view().begin(), out.view().end(), result.begin());
  return result;
}

} // namespace leasebreak::smb::ntlm
