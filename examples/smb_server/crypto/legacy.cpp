// MD4, MD5, HMAC-MD5 and RC4 through OpenSSL.
#include <smb_server/crypto/legacy.hpp>

#include <smb_server/crypto/openssl.hpp>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace leasebreak::smb {

namespace {

using openssl::allocated;
using openssl::check;
using openssl::owned;

/// A separate library context: the rest of the process does not get the old algorithms, and the
/// host's configuration cannot disable them here.
class algorithms {
public:
  algorithms()
    : library_{allocated(OSSL_LIB_CTX_new())}, default_{load("default")}, legacy_{load("legacy")},
      md4_{EVP_MD_fetch(library_.get(), "MD4", nullptr)}, md5_{EVP_MD_fetch(
                                                            library_.get(), "MD5", nullptr)},
      hmac_{EVP_MAC_fetch(library_.get(), "HMAC", nullptr)}, rc4_{EVP_CIPHER_fetch(
                                                               library_.get(), "RC4", nullptr)} {
    check(md4_ && md5_ && hmac_ && rc4_,
      "NTLM needs MD4, MD5, HMAC and RC4, and one of them is missing");
    check_known_answers();
  }

  [[nodiscard]] key16 md4(bytes_view data) const { return digest(md4_.get(), {data}); }

  [[nodiscard]] key16 md5(std::initializer_list<bytes_view> parts) const {
    return digest(md5_.get(), parts);
  }

  [[nodiscard]] key16 hmac_md5(bytes_view key, std::initializer_list<bytes_view> parts) const {
    const owned<EVP_MAC_CTX> context = allocated(EVP_MAC_CTX_new(hmac_.get()));
    char digest[] = "MD5";
    const OSSL_PARAM parameters[]{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
    bool good = EVP_MAC_init(context.get(), key.data(), key.size(), parameters) == 1;
    for (const bytes_view part : parts)
      good = good && EVP_MAC_update(context.get(), part.data(), part.size()) == 1;
    key16 result{};
    std::size_t length = 0;
    check(good && EVP_MAC_final(context.get(), result.data(), &length, result.size()) == 1 &&
        length == result.size(),
      "HMAC-MD5");
    return result;
  }

  [[nodiscard]] byte_vector rc4(bytes_view key, bytes_view data) const {
    const owned<EVP_CIPHER_CTX> context = allocated(EVP_CIPHER_CTX_new());
    byte_vector result(data.size());
    int length = 0;
    check(EVP_EncryptInit_ex2(context.get(), rc4_.get(), nullptr, nullptr, nullptr) == 1 &&
        EVP_CIPHER_CTX_set_key_length(context.get(), static_cast<int>(key.size())) == 1 &&
        EVP_EncryptInit_ex2(context.get(), nullptr, key.data(), nullptr, nullptr) == 1 &&
        EVP_EncryptUpdate(
          context.get(), result.data(), &length, data.data(), static_cast<int>(data.size())) == 1 &&
        static_cast<std::size_t>(length) == data.size(),
      "RC4");
    return result;
  }

private:
  [[nodiscard]] owned<OSSL_PROVIDER> load(const char* name) const {
    owned<OSSL_PROVIDER> result{OSSL_PROVIDER_load(library_.get(), name)};
    check(result != nullptr,
      (std::string{"no provider '"} + name + "', which has algorithms that NTLM needs").c_str());
    return result;
  }

  static key16 digest(const EVP_MD* algorithm, std::initializer_list<bytes_view> parts) {
    const owned<EVP_MD_CTX> context = allocated(EVP_MD_CTX_new());
    bool good = EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1;
    for (const bytes_view part : parts)
      good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
    key16 result{};
    unsigned length = 0;
    check(good && EVP_DigestFinal_ex(context.get(), result.data(), &length) == 1 &&
        length == result.size(),
      "a digest");
    return result;
  }

  /// Tests each algorithm with values of RFC 1320, RFC 1321, RFC 2202 and RFC 6229.
  void check_known_answers() const {
    const auto is = [](bytes_view got, std::initializer_list<std::uint8_t> known) {
      check(std::equal(got.begin(), got.end(), known.begin(), known.end()), "wrong result");
    };
    const byte_vector abc{'a', 'b', 'c'};
    is(md4(abc),
      {0xa4, 0x48, 0x01, 0x7a, 0xaf, 0x21, 0xd8, 0x52, 0x5f, 0xc1, 0x0a, 0xe8, 0x7a, 0xa6, 0x72,
        0x9d});
    is(md5({abc}),
      {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f,
        0x72});
    const byte_vector hi_there{'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'};
    is(hmac_md5(byte_vector(16, 0x0b), {hi_there}),
      {0x92, 0x94, 0x72, 0x7a, 0x36, 0x38, 0xbb, 0x1c, 0x13, 0xf4, 0x8e, 0xf8, 0x15, 0x8b, 0xfc,
        0x9d});
    const byte_vector key{1, 2, 3, 4, 5};
    is(rc4(key, byte_vector(8, 0)), {0xb2, 0x39, 0x63, 0x05, 0xf0, 0x3d, 0xc0, 0x27});
  }

  // Destroyed in reverse order: the algorithms before their providers and library.
  owned<OSSL_LIB_CTX> library_;
  owned<OSSL_PROVIDER> default_;
  owned<OSSL_PROVIDER> legacy_;
  owned<EVP_MD> md4_;
  owned<EVP_MD> md5_;
  owned<EVP_MAC> hmac_;
  owned<EVP_CIPHER> rc4_;
};

/// A failure throws, and the next call retries.
const algorithms& loaded() {
  static const algorithms all;
  return all;
}

} // namespace

void load_legacy_algorithms() {
  loaded();
}

key16 md4(bytes_view data) {
  return loaded().md4(data);
}

key16 md5(std::initializer_list<bytes_view> parts) {
  return loaded().md5(parts);
}

key16 hmac_md5(bytes_view key, std::initializer_list<bytes_view> parts) {
  return loaded().hmac_md5(key, parts);
}

byte_vector rc4(bytes_view key, bytes_view data) {
  return loaded().rc4(key, data);
}

} // namespace leasebreak::smb
