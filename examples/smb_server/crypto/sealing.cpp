// AES-CCM and AES-GCM through OpenSSL.
#include <smb_server/crypto/sealing.hpp>

#include <smb_server/wire/little_endian.hpp>
#include <smb_server/wire/transform.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace leasebreak::smb {

namespace {

struct context_free {
  void operator()(EVP_CIPHER_CTX* c) const noexcept { EVP_CIPHER_CTX_free(c); }
};
using context = std::unique_ptr<EVP_CIPHER_CTX, context_free>;

bool is_ccm(cipher c) noexcept {
  return c == cipher::aes_128_ccm || c == cipher::aes_256_ccm;
}

bool has_long_key(cipher c) noexcept {
  return c == cipher::aes_256_ccm || c == cipher::aes_256_gcm;
}

int nonce_size(cipher c) noexcept {
  return is_ccm(c) ? 11 : 12;
}

const EVP_CIPHER* algorithm_of(cipher c) noexcept {
  if (has_long_key(c))
    return is_ccm(c) ? EVP_aes_256_ccm() : EVP_aes_256_gcm();
  return is_ccm(c) ? EVP_aes_128_ccm() : EVP_aes_128_gcm();
}

/// Derives a session's key for one direction.
key32 make_key(cipher c, bytes_view session_key, std::string_view label, bytes_view bound_to) {
  if (has_long_key(c))
    return derive_key_256(session_key, label, bound_to);
  const key16 half = derive_key(session_key, label, bound_to);
  key32 result{};
  std::copy(half.begin(), half.end(), result.begin());
  return result;
}

/// Encrypts a message and writes `tag`, or decrypts it and checks `tag`. Returns false if the tag
/// does not match.
bool pass(bool encrypts, cipher c, const key32& key, bytes_view nonce, bytes_view authenticated,
  bytes_view in, std::uint8_t* out, std::array<std::uint8_t, 16>& tag) {
  const context ctx{EVP_CIPHER_CTX_new()};
  const int tag_size = static_cast<int>(tag.size());
  int length = 0;
  bool good = ctx &&
    EVP_CipherInit_ex(ctx.get(), algorithm_of(c), nullptr, nullptr, nullptr, encrypts ? 1 : 0) == 1;
  good =
    good && EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_IVLEN, nonce_size(c), nullptr) == 1;
  if (!encrypts || is_ccm(c))
    good = good &&
      EVP_CIPHER_CTX_ctrl(
        ctx.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, encrypts ? nullptr : tag.data()) == 1;
  good = good &&
    EVP_CipherInit_ex(ctx.get(), nullptr, nullptr, key.data(), nonce.data(), encrypts ? 1 : 0) == 1;
  if (is_ccm(c)) // CCM needs the length in advance
    good = good &&
      EVP_CipherUpdate(ctx.get(), nullptr, &length, nullptr, static_cast<int>(in.size())) == 1;
  good = good &&
    EVP_CipherUpdate(ctx.get(), nullptr, &length, authenticated.data(),
      static_cast<int>(authenticated.size())) == 1 &&
    EVP_CipherUpdate(ctx.get(), out, &length, in.data(), static_cast<int>(in.size())) == 1;
  if (!is_ccm(c))
    good = good && EVP_CipherFinal_ex(ctx.get(), out + length, &length) == 1;
  if (encrypts)
    good = good && EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, tag.data()) == 1;
  return good;
}

} // namespace

sealing_keys make_sealing_keys(
  dialect d, cipher c, bytes_view session_key, const preauth_hash& hash) {
  using namespace std::string_view_literals;
  key16 key{};
  std::copy_n(session_key.begin(), std::min(session_key.size(), key.size()), key.begin());
  if (d == dialect::smb_3_1_1)
    return {make_key(c, key, "SMBS2CCipherKey", hash), make_key(c, key, "SMBC2SCipherKey", hash)};
  return {make_key(c, key, "SMB2AESCCM", view_of("ServerOut\0"sv)),
    make_key(c, key, "SMB2AESCCM", view_of("ServerIn \0"sv))};
}

byte_vector seal(
  cipher c, const key32& key, std::uint64_t number, std::uint64_t session_id, bytes_view message) {
  transform_header h;
  put_little_endian<sizeof number>(h.nonce.data(), number);
  h.original_size = static_cast<std::uint32_t>(message.size());
  h.flags = 1;
  h.session_id = session_id;
  byte_writer out;
  encode(out, h);
  out.zeros(message.size());
  byte_vector frame = out.take();
  const bytes_view nonce = bytes_view{h.nonce}.first(static_cast<std::size_t>(nonce_size(c)));
  if (!pass(true, c, key, nonce, authenticated_part(frame), message,
        frame.data() + transform_header_size, h.signature))
    throw std::runtime_error("OpenSSL: encryption");
  std::copy(h.signature.begin(), h.signature.end(), frame.begin() + 4);
  return frame;
}

std::optional<byte_vector> unseal(cipher c, const key32& key, bytes_view frame) {
  auto h = parse_transform_header(frame);
  if (!h)
    return std::nullopt;
  const bytes_view nonce = bytes_view{h->nonce}.first(static_cast<std::size_t>(nonce_size(c)));
  const bytes_view sealed = frame.subspan(transform_header_size);
  byte_vector message(sealed.size());
  if (!pass(false, c, key, nonce, authenticated_part(frame), sealed, message.data(), h->signature))
    return std::nullopt;
  return message;
}

} // namespace leasebreak::smb
