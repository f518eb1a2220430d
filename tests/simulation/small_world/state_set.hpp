// A set of states, by 96 bits of their canonical form. It is compact enough for millions of states.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace leasebreak::small_world {

/// Two independent hashes of a state. `low` is never zero.
struct fingerprint {
  std::uint64_t low = 0;
  std::uint32_t high = 0;

  [[nodiscard]] static fingerprint of(std::string_view text) noexcept {
    std::uint64_t low = 0x9ae16a3b2f90404fU;
    std::uint64_t high = 0xc949d7c7509e6557U;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      low = (low ^ byte) * 0xff51afd7ed558ccdU;
      low ^= low >> 32U;
      high = (high ^ (byte + 0x9e3779b97f4a7c15U)) * 0x100000001b3U;
      high ^= high >> 29U;
    }
    return {low | 1U, static_cast<std::uint32_t>(high)};
  }

  friend auto operator<=>(const fingerprint&, const fingerprint&) = default;
};

/// Numbers states in the order of insertion. Uses open addressing, and is at most three quarters
/// full.
class state_set {
public:
  state_set() : places_(std::size_t{1} << 12U) {}

  /// The number of a state, and whether it is new.
  struct found {
    std::uint32_t number = 0;
    bool is_new = false;
  };

  found insert(const fingerprint& f) {
    if ((count_ + 1) * std::size_t{4} > places_.size() * 3)
      grow();
    auto& at = find(places_, f);
    if (at.low != 0)
      return {at.number, false};
    at = {f.low, f.high, count_};
    return {count_++, true};
  }

private:
  struct place {
    std::uint64_t low = 0; ///< 0 for an unused place.
    std::uint32_t high = 0;
    std::uint32_t number = 0;
  };

  static place& find(std::vector<place>& places, const fingerprint& f) {
    auto at = f.low >> 8U & (places.size() - 1);
    while (places[at].low != 0 && (places[at].low != f.low || places[at].high != f.high))
      at = (at + 1) & (places.size() - 1);
    return places[at];
  }

  void grow() {
    std::vector<place> more(places_.size() * 2);
    for (const auto& p : places_)
      if (p.low != 0)
        find(more, {p.low, p.high}) = p;
    places_ = std::move(more);
  }

  std::vector<place> places_;
  std::uint32_t count_ = 0;
};

} // namespace leasebreak::small_world
