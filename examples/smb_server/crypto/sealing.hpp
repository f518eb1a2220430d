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

/// What a session encrypts with: of each key the first 16 bytes with AES-128.
struct sealing_keys {
  key32 to_client{};
  key32 to_server{};
};

/// MS-SMB2 3.3.5.5.3: by dialect 3.0 and later; `c` is the connection's cipher.
[[nodiscard]] sealing_keys make_sealing_keys(
  dialect d, cipher c, bytes_view session_key, const preauth_hash& hash);

/// The message, encrypted, behind its transform header. The number must be another one each time.
[[nodiscard]] byte_vector seal(
  cipher c, const key32& key, std::uint64_t number, std::uint64_t session_id, bytes_view message);

/// The message of an encrypted frame; nothing if it was not encrypted with this key or was changed.
[[nodiscard]] std::optional<byte_vector> unseal(cipher c, const key32& key, bytes_view frame);

} // namespace leasebreak::smb
