// Little-endian numbers, the byte order of the wire (MS-SMB2 2.2).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace leasebreak::smb {

/// Writes the lower `Size` bytes of a number to `to`, and returns the end. Compiles to one store on
/// most machines.
template <std::size_t Size>
std::uint8_t* put_little_endian(std::uint8_t* to, std::uint64_t value) noexcept {
  static_assert(Size <= sizeof value);
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(to, &value, Size);
  } else {
    for (std::size_t i = 0; i < Size; ++i)
      to[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  return to + Size;
}

/// Reads a number of `Size` bytes from `from`.
template <std::size_t Size>
[[nodiscard]] std::uint64_t get_little_endian(const std::uint8_t* from) noexcept {
  std::uint64_t value = 0;
  static_assert(Size <= sizeof value);
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, from, Size);
  } else {
    for (std::size_t i = 0; i < Size; ++i)
      value |= std::uint64_t{from[i]} << (8 * i);
  }
  return value;
}

} // namespace leasebreak::smb
