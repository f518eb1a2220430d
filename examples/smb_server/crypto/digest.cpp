// Signatures, keys and hashes through OpenSSL.
#include <smb_server/crypto/digest.hpp>

#include <smb_server/crypto/legacy.hpp>
#include <smb_server/crypto/openssl.hpp>
#include <smb_server/wire/header.hpp>
#include <smb_server/wire/utf16.hpp>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>

namespace leasebreak::smb {

namespace {

using openssl::allocated;
using openssl::check;
using openssl::owned;

std::array<std::uint8_t, 32> hmac_sha256(bytes_view key, bytes_view data) {
  std::array<std::uint8_t, 32> result{};
  unsigned length = 0;
  const auto* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(),
    data.size(), result.data(), &length);
  check(made != nullptr && length == result.size(), "HMAC-SHA256");
  return result;
}

signature aes_cmac(const key16& key, bytes_view data) {
  // A failure throws, and the next call retries; a cached failure would disable signing
  // permanently.
  static const owned<EVP_MAC> algorithm = allocated(EVP_MAC_fetch(nullptr, "CMAC", nullptr));
  const owned<EVP_MAC_CTX> context{EVP_MAC_CTX_new(algorithm.get())};
  char cipher[] = "AES-128-CBC";
  const OSSL_PARAM parameters[]{
    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0), OSSL_PARAM_construct_end()};
  signature result{};
  std::size_t length = 0;
  check(context && EVP_MAC_init(context.get(), key.data(), key.size(), parameters) == 1 &&
      EVP_MAC_update(context.get(), data.data(), data.size()) == 1 &&
      EVP_MAC_final(context.get(), result.data(), &length, result.size()) == 1,
    "AES-CMAC");
  return result;
}

/// MS-SMB2 3.1.4.1: the nonce is the MessageId and 32 further bits. Servers set bit 0; CANCEL has
/// bit 1.
std::array<std::uint8_t, 12> gmac_nonce(const header& h) {
  byte_writer out;
  out.u64(h.message_id);
  out.u32((h.has(header_flag::response) ? 1U : 0U) | (h.command == command::cancel ? 2U : 0U));
  std::array<std::uint8_t, 12> result{};
  std::copy(out.view().begin(), out.view().end(), result.begin());
  return result;
}

signature aes_gmac(const key16& key, bytes_view data) {
  const header h = parse_header(data).value_or(header{});
  const auto nonce = gmac_nonce(h);
  const owned<EVP_CIPHER_CTX> context{EVP_CIPHER_CTX_new()};
  signature result{};
  int length = 0;
  check(context &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, key.data(), nonce.data()) ==
        1 &&
      EVP_EncryptUpdate(
        context.get(), nullptr, &length, data.data(), static_cast<int>(data.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), nullptr, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(
        context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(result.size()), result.data()) == 1,
    "AES-GMAC");
  return result;
}

key16 cut_key(bytes_view session_key) {
  key16 result{};
  std::copy_n(session_key.begin(), std::min(session_key.size(), result.size()), result.begin());
  return result;
}

/// Derives a key of `bits` bits; the caller must use only these.
key32 derive(bytes_view key, std::string_view label, bytes_view context, std::uint32_t bits) {
  byte_writer in;
  in.append(std::array<std::uint8_t, 4>{0, 0, 0, 1});
  in.append(view_of(label));
  in.u8(0); // ends the label
  in.u8(0); // separates it from the context
  in.append(context);
  in.append(std::array<std::uint8_t, 4>{
    0, 0, static_cast<std::uint8_t>(bits >> 8), static_cast<std::uint8_t>(bits)});
  return hmac_sha256(key, in.view());
}

} // namespace

bool are_equal(const key16& a, bytes_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void fill_random(std::span<std::uint8_t> bytes) {
  check(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1, "cannot get random bytes");
}

key16 nt_hash(std::string_view password) {
  return md4(utf8_to_utf16(password));
}

key16 derive_key(bytes_view key, std::string_view label, bytes_view context) {
  return cut_key(derive(key, label, context, 128));
}

key32 derive_key_256(bytes_view key, std::string_view label, bytes_view context) {
  return derive(key, label, context, 256);
}

key16 signing_key(dialect d, bytes_view session_key, const preauth_hash& hash) {
  using namespace std::string_view_literals;
  const key16 key = cut_key(session_key);
  switch (d) {
  case dialect::smb_3_1_1:
    return derive_key(key, "SMBSigningKey", hash);
  case dialect::smb_3_0:
  case dialect::smb_3_0_2:
    return derive_key(key, "SMB2AESCMAC", view_of("SmbSign\0"sv));
  default:
    return key;
  }
}

preauth_hash extend(const preauth_hash& hash, bytes_view message) {
  const owned<EVP_MD_CTX> context{EVP_MD_CTX_new()};
  preauth_hash result{};
  unsigned length = 0;
  check(context && EVP_DigestInit_ex(context.get(), EVP_sha512(), nullptr) == 1 &&
      EVP_DigestUpdate(context.get(), hash.data(), hash.size()) == 1 &&
      EVP_DigestUpdate(context.get(), message.data(), message.size()) == 1 &&
      EVP_DigestFinal_ex(context.get(), result.data(), &length) == 1 && length == result.size(),
    "SHA-512");
  return result;
}

signature sign(signing_algorithm algorithm, const key16& key, bytes_view message) {
  byte_vector copy(message.begin(), message.end());
  std::fill_n(copy.begin() + signature_offset, sizeof(signature), std::uint8_t{0});
  switch (algorithm) {
  case signing_algorithm::aes_cmac:
    return aes_cmac(key, copy);
  case signing_algorithm::aes_gmac:
    return aes_gmac(key, copy);
  default: {
    signature result{};
    const auto full = hmac_sha256(key, copy);
    std::copy_n(full.begin(), result.size(), result.begin());
    return result;
  }
  }
}

bool verify(signing_algorithm algorithm, const key16& key, bytes_view message) {
  const signature expected = sign(algorithm, key, message);
  return are_equal(expected, message.subspan(signature_offset, expected.size()));
}

} // namespace leasebreak::smb
