#include <leasebreak/model/keyed_hash.hpp>

#include "sip_hash.hpp"

#include <sys/random.h>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

// Draws the key from the system's random source, which needs no file descriptor. This is the only
// random number in the model.
detail::sip_key draw_key() noexcept {
  detail::sip_key key;
  if (::getentropy(&key, sizeof key) != 0) // old kernel: hard to guess, but not random
    key = {reinterpret_cast<std::uintptr_t>(&key), reinterpret_cast<std::uintptr_t>(&draw_key)};
  return key;
}

const detail::sip_key& process_key() noexcept {
  static const detail::sip_key key = draw_key();
  return key;
}

} // namespace

std::uint64_t keyed_hash(std::string_view bytes, std::uint64_t which) noexcept {
  auto key = process_key();
  key.high ^= which;
  return detail::sip_hash<1, 3>(key, bytes);
}

std::uint64_t keyed_hash(const std::array<std::uint64_t, 2>& words) noexcept {
  detail::sip_hasher<1, 3> hasher(process_key());
  hasher.add(words[0]);
  hasher.add(words[1]);
  return hasher.finish(0, sizeof words);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
