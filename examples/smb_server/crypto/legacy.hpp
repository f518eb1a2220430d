// The old algorithms of NTLM (MS-NLMP 6): MD4, MD5, HMAC-MD5 and RC4, from OpenSSL.
#pragma once

#include <smb_server/crypto/digest.hpp>

#include <initializer_list>

namespace leasebreak::smb {

/// Loads the algorithms and checks each against a published value. Call it when the program starts,
/// because OpenSSL permanently remembers some failures of its first use, such as a lack of memory.
/// Later calls return at once. Throws `std::runtime_error` if OpenSSL's legacy provider is missing.
///
/// *Threads*: this and all functions below are thread-safe. The others call this one themselves.
/// They throw `std::bad_alloc` if OpenSSL cannot allocate, and `std::runtime_error` if it fails.
void load_legacy_algorithms();

/// RFC 1320.
[[nodiscard]] key16 md4(bytes_view data);

/// RFC 1321, of the concatenated parts.
[[nodiscard]] key16 md5(std::initializer_list<bytes_view> parts);

/// RFC 2104 with MD5, of the concatenated parts.
[[nodiscard]] key16 hmac_md5(bytes_view key, std::initializer_list<bytes_view> parts);

/// Encrypts or decrypts from the start of the key stream (MS-NLMP 6, RC4 and RC4K). The key has 5
/// to 16 bytes.
[[nodiscard]] byte_vector rc4(bytes_view key, bytes_view data);

} // namespace leasebreak::smb
