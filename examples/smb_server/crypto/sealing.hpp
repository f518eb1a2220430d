// Encryption of frames (MS-SMB2 3.1.4.3).
#pragma once

#include <smb_server/crypto/digest.hpp>

#include <cstdint>
#include <optional>

namespace leasebreak::smb {

/// MS-SMB2 2.2.3.1.2 Ciphers.
enum class cipher : std::uint16_t {
  none = 0,
  aes_128_ccm = 1,
  aes_128_gcm = 2,
  aes_256_ccm = 3,
  aes_256_gcm = 4
};

/// The encryption keys of a session. AES-128 uses the first 16 bytes of each.
struct sealing_keys {
  key32 to_client{};
  key32 to_server{};
};

/// MS-SMB2 3.3.5.5.3. The dialect must be 3.0 or later; `c` is the connection's cipher.
[[nodiscard]] sealing_keys make_sealing_keys(
  dialect d, cipher c, bytes_view session_key, const preauth_hash& hash);

/// Returns the transform header and the encrypted message. The number must never be used twice.
[[nodiscard]] byte_vector seal(
  cipher c, const key32& key, std::uint64_t number, std::uint64_t session_id, bytes_view message);

/// Returns the message of an encrypted frame, or nothing if the frame was not encrypted with this
/// key or was changed.
[[nodiscard]] std::optional<byte_vector> unseal(cipher c, const key32& key, bytes_view frame);

} // namespace leasebreak::smb
