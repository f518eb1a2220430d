// Helpers for OpenSSL. Only files of this folder include it.
#pragma once

#include <openssl/evp.h>
#include <openssl/provider.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>

namespace leasebreak::smb::openssl {

/// Throws `std::runtime_error` unless an operation succeeded.
inline void check(bool good, const char* what) {
  if (!good)
    throw std::runtime_error(std::string{"OpenSSL: "} + what);
}

struct release {
  void operator()(OSSL_LIB_CTX* c) const noexcept { OSSL_LIB_CTX_free(c); }
  void operator()(OSSL_PROVIDER* p) const noexcept { OSSL_PROVIDER_unload(p); }
  void operator()(EVP_MD* d) const noexcept { EVP_MD_free(d); }
  void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
  void operator()(EVP_MAC* m) const noexcept { EVP_MAC_free(m); }
  void operator()(EVP_MAC_CTX* c) const noexcept { EVP_MAC_CTX_free(c); }
  void operator()(EVP_CIPHER* c) const noexcept { EVP_CIPHER_free(c); }
  void operator()(EVP_CIPHER_CTX* c) const noexcept { EVP_CIPHER_CTX_free(c); }
};

template <class T>
using owned = std::unique_ptr<T, release>;

/// Takes ownership of an OpenSSL object. Throws `std::bad_alloc` if it is null.
template <class T>
owned<T> allocated(T* pointer) {
  if (pointer == nullptr)
    throw std::bad_alloc{};
  return owned<T>{pointer};
}

} // namespace leasebreak::smb::openssl
