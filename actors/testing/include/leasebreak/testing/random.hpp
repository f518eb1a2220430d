// The source of all choices of a simulation. The seed alone decides them.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstddef>
#include <cstdint>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

/// SplitMix64, which returns the same numbers with every compiler and library.
class random_source {
public:
  /// The seed decides all numbers.
  explicit random_source(std::uint64_t seed) noexcept : state_(seed) {}

  /// Returns the next number.
  [[nodiscard]] std::uint64_t next() noexcept {
    state_ += 0x9e37'79b9'7f4a'7c15U;
    auto x = state_;
    x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9U;
    x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11ebU;
    return x ^ (x >> 31);
  }
  /// Returns a number below `n`, which must not be zero.
  [[nodiscard]] std::size_t below(std::size_t n) noexcept {
    return static_cast<std::size_t>(next() % n);
  }
  /// Returns true once in `n` calls on average.
  [[nodiscard]] bool one_in(std::size_t n) noexcept { return below(n) == 0; }

private:
  std::uint64_t state_;
};

/// FNV-1a over everything that happened. Equal values mean that two runs were the same.
class running_hash {
public:
  /// Adds characters.
  template <class Bytes>
  void add(const Bytes& bytes) noexcept {
    for (const char c : bytes)
      add_byte(static_cast<unsigned char>(c));
  }
  /// Adds a number.
  void add(std::uint64_t n) noexcept {
    for (int i = 0; i < 8; ++i)
      add_byte(static_cast<unsigned char>(n >> (8 * i)));
  }
  /// Returns the hash of what has been added so far.
  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

private:
  void add_byte(unsigned char c) noexcept { value_ = (value_ ^ c) * 0x100'0000'01b3U; }

  std::uint64_t value_ = 0xcbf2'9ce4'8422'2325U;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit
