// The cryptography of SMB2: signatures, key derivation and the preauth hash (MS-SMB2 3.1.4).
#pragma once

#include <smb_server/wire/negotiate.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace leasebreak::smb {

using key16 = std::array<std::uint8_t, 16>;
using key32 = std::array<std::uint8_t, 32>;
using signature = std::array<std::uint8_t, 16>;
using preauth_hash = std::array<std::uint8_t, 64>;

/// Compares in constant time.
[[nodiscard]] bool are_equal(const key16& a, bytes_view b) noexcept;

/// Fills `bytes` with cryptographically secure random bytes. Throws `std::runtime_error` if that
/// fails.
void fill_random(std::span<std::uint8_t> bytes);

/// NTLM's hash of a password: MD4 of its UTF-16 (MS-NLMP 3.3.1, NTOWFv1). Throws like `md4`.
[[nodiscard]] key16 nt_hash(std::string_view password);

/// SP800-108 in counter mode with HMAC-SHA256 (MS-SMB2 3.1.4.2), for keys of 128 and of 256 bits.
/// Adds the label's terminating zero.
[[nodiscard]] key16 derive_key(bytes_view key, std::string_view label, bytes_view context);
[[nodiscard]] key32 derive_key_256(bytes_view key, std::string_view label, bytes_view context);

/// The signing key of a session, by dialect (MS-SMB2 3.3.5.5.3). `session_key` is truncated or
/// padded with zeros to 16 bytes.
[[nodiscard]] key16 signing_key(dialect d, bytes_view session_key, const preauth_hash& hash);

/// The next preauth integrity hash: SHA-512 of the previous one and the message (MS-SMB2 3.3.5.4).
[[nodiscard]] preauth_hash extend(const preauth_hash& hash, bytes_view message);

/// The signature of a message with its header, whose signature field counts as zero
/// (MS-SMB2 3.1.4.1). The message must have a complete header.
[[nodiscard]] signature sign(signing_algorithm algorithm, const key16& key, bytes_view message);

/// Whether the message's signature is valid. Compares in constant time.
[[nodiscard]] bool verify(signing_algorithm algorithm, const key16& key, bytes_view message);

} // namespace leasebreak::smb
