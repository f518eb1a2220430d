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

/// Whether both are the same. Takes as long for all that differ.
[[nodiscard]] bool are_equal(const key16& a, bytes_view b) noexcept;

/// Random bytes that nobody can guess. Throws `std::runtime_error` if there are none to be had.
void fill_random(std::span<std::uint8_t> bytes);

/// The hash that NTLM knows a password by: MD4 of its UTF-16 (MS-NLMP 3.3.1, NTOWFv1). Throws what
/// `md4` throws.
[[nodiscard]] key16 nt_hash(std::string_view password);

/// SP800-108 in counter mode with HMAC-SHA256 (MS-SMB2 3.1.4.2), for keys of 128 and of 256 bits.
/// The label's zero is added here.
[[nodiscard]] key16 derive_key(bytes_view key, std::string_view label, bytes_view context);
[[nodiscard]] key32 derive_key_256(bytes_view key, std::string_view label, bytes_view context);

/// The key that signs a session's messages, by dialect (MS-SMB2 3.3.5.5.3). `session_key` may have
/// any length: what is longer than 16 bytes is cut, what is shorter is filled with zeros.
[[nodiscard]] key16 signing_key(dialect d, bytes_view session_key, const preauth_hash& hash);

/// The next value of the preauth integrity hash: SHA-512 of the hash and the message
/// (MS-SMB2 3.3.5.4).
[[nodiscard]] preauth_hash extend(const preauth_hash& hash, bytes_view message);

/// The signature of a message, header included, as if its signature field were zero
/// (MS-SMB2 3.1.4.1). The message must have a whole header.
[[nodiscard]] signature sign(signing_algorithm algorithm, const key16& key, bytes_view message);

/// Whether the message's signature field is right. Takes the same time for every wrong signature.
[[nodiscard]] bool verify(signing_algorithm algorithm, const key16& key, bytes_view message);

} // namespace leasebreak::smb
