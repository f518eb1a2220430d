// SipHash (Aumasson, Bernstein: "SipHash: a fast short-input PRF"): a keyed hash. Collisions cannot
// be produced without knowing the key.
#pragma once

#include <leasebreak/model/export.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

struct sip_key {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

/// SipHash with `Compressing` rounds for each 8 bytes and `Finishing` rounds at the end.
template <int Compressing, int Finishing>
class sip_hasher {
public:
  explicit constexpr sip_hasher(const sip_key& key) noexcept
    : v0_(key.low ^ 0x736f6d6570736575U), v1_(key.high ^ 0x646f72616e646f6dU),
      v2_(key.low ^ 0x6c7967656e657261U), v3_(key.high ^ 0x7465646279746573U) {}

  /// Adds eight bytes, given as a little-endian number.
  constexpr void add(std::uint64_t word) noexcept {
    v3_ ^= word;
    for (int i = 0; i < Compressing; ++i)
      round();
    v0_ ^= word;
  }

  /// Returns the hash of `size` bytes. All of them except the last `size % 8`, which are in `rest`,
  /// must have been added before.
  [[nodiscard]] constexpr std::uint64_t finish(std::uint64_t rest, std::size_t size) noexcept {
    add(rest | (std::uint64_t{size} << 56U));
    v2_ ^= 0xff;
    for (int i = 0; i < Finishing; ++i)
      round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

private:
  constexpr void round() noexcept {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
};

/// Returns at most eight bytes as a little-endian number.
[[nodiscard]] inline std::uint64_t little_endian(const char* bytes, std::size_t size) noexcept {
  std::uint64_t word = 0;
  if constexpr (std::endian::native == std::endian::little) {
    // With a constant size this compiles to one instruction, unlike the loop.
    if (size == sizeof word) {
      std::memcpy(&word, bytes, sizeof word);
      return word;
    }
  }
  for (std::size_t i = 0; i < size; ++i)
    word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return word;
}

template <int Compressing, int Finishing>
[[nodiscard]] std::uint64_t sip_hash(const sip_key& key, std::string_view bytes) noexcept {
  sip_hasher<Compressing, Finishing> hasher(key);
  const auto size = bytes.size();
  for (; bytes.size() >= 8; bytes.remove_prefix(8))
    hasher.add(little_endian(bytes.data(), 8));
  return hasher.finish(little_endian(bytes.data(), bytes.size()), size);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
