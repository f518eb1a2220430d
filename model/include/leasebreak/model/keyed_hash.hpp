// Hashes of what clients choose. A client that knows the function makes as many names, keys or
// GUIDs as it likes that collide, and a table of these takes time with the square of their number.
// So the hashes have a key that each process draws at random.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace leasebreak {

/// SipHash-1-3 of `bytes` under this process's key. Not to be stored or sent: another process has
/// another key. `which` tells unrelated hashes of the same bytes apart. Thread-safe.
[[nodiscard]] std::uint64_t keyed_hash(std::string_view bytes, std::uint64_t which = 0) noexcept;

/// The same of 16 bytes, given as two numbers.
[[nodiscard]] std::uint64_t keyed_hash(const std::array<std::uint64_t, 2>& words) noexcept;

/// Hashes text for a hash table whose keys clients choose.
struct keyed_string_hash {
  using is_transparent = void;
  [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept {
    return static_cast<std::size_t>(keyed_hash(text));
  }
};

} // namespace leasebreak
