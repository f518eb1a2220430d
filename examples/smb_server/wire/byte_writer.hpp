// Builds frames from little-endian values.
#pragma once

#include <smb_server/wire/byte_reader.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace leasebreak::smb {

using byte_vector = std::vector<std::uint8_t>;

/// Appends to a vector that it owns.
class byte_writer {
public:
  byte_writer() : byte_writer{0} {}

  explicit byte_writer(byte_vector start) noexcept : bytes_{std::move(start)} {}

  /// Begins with so many zeros.
  explicit byte_writer(std::size_t zeros) {
    bytes_.reserve(zeros + usual_bytes);
    bytes_.resize(zeros);
  }

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bytes_view view() const noexcept { return bytes_; }
  [[nodiscard]] byte_vector& bytes() noexcept { return bytes_; }
  [[nodiscard]] byte_vector take() noexcept { return std::move(bytes_); }

  void u8(std::uint8_t value) { bytes_.push_back(value); }
  void u16(std::uint16_t value) { number<2>(value); }
  void u32(std::uint32_t value) { number<4>(value); }
  void u64(std::uint64_t value) { number<8>(value); }
  void zeros(std::size_t count) { bytes_.resize(bytes_.size() + count); }

  /// Appends them as they are.
  void append(bytes_view more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }

  /// Pads with zeros until the size, counted from `from`, is a multiple of `alignment`.
  void align(std::size_t alignment, std::size_t from = 0) {
    while ((size() - from) % alignment != 0)
      bytes_.push_back(0);
  }

  void patch_u16(std::size_t at, std::uint16_t value) { patch(at, value, 2); }
  void patch_u32(std::size_t at, std::uint32_t value) { patch(at, value, 4); }

private:
  static constexpr std::size_t usual_bytes = 128; ///< Most of what is written is shorter.

  // Of a size that the compiler knows, this is one store.
  template <std::size_t Size>
  void number(std::uint64_t value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + Size);
    std::array<std::uint8_t, Size> little_endian;
    for (std::size_t i = 0; i < Size; ++i)
      little_endian[i] = static_cast<std::uint8_t>(value >> (8 * i));
    std::memcpy(bytes_.data() + at, little_endian.data(), Size);
  }

  void patch(std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      bytes_.at(at + i) = static_cast<std::uint8_t>(value >> (8 * i));
  }

  byte_vector bytes_;
};

} // namespace leasebreak::smb
