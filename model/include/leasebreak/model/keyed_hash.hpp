// Hashes of values that clients choose. With a known hash function a client could produce any
// number of colliding names, keys or GUIDs, and the operations on a table of these would take
// quadratic time. The hashes therefore use a key that each process draws at random.
#pragma once

#include <leasebreak/model/export.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Returns SipHash-1-3 of `bytes` with the key of this process. The result must not be stored or
/// sent, because another process has another key. `which` selects one of several unrelated hashes
/// of the same bytes. Thread-safe.
[[nodiscard]] std::uint64_t keyed_hash(std::string_view bytes, std::uint64_t which = 0) noexcept;

/// Returns the hash of 16 bytes that are given as two numbers.
[[nodiscard]] std::uint64_t keyed_hash(const std::array<std::uint64_t, 2>& words) noexcept;

/// Hashes text for a hash table whose keys clients choose.
struct keyed_string_hash {
  using is_transparent = void; ///< Lets tables look up a `std::string_view`.
  /// Returns the hash. It differs between processes.
  [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept {
    return static_cast<std::size_t>(keyed_hash(text));
  }
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
