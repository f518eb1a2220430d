// Builds frames from little-endian values.
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/little_endian.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace leasebreak::smb {

using byte_vector = std::vector<std::uint8_t>;

/// Appends to its own vector. The vector is longer than the written bytes, because resizing it for
/// each number would cost more than writing the number.
class byte_writer {
public:
  byte_writer() : byte_writer{0} {}

  explicit byte_writer(byte_vector start) noexcept
    : bytes_{std::move(start)}, size_{bytes_.size()} {}

  /// Begins with `zeros` zero bytes.
  explicit byte_writer(std::size_t zeros) : bytes_(zeros + usual_bytes), size_{zeros} {}

  byte_writer(byte_writer&& other) noexcept
    : bytes_{std::move(other.bytes_)}, size_{std::exchange(other.size_, 0)} {}
  byte_writer& operator=(byte_writer&& other) noexcept {
    bytes_ = std::exchange(other.bytes_, {});
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  byte_writer(const byte_writer&) = default;
  byte_writer& operator=(const byte_writer&) = default;
  ~byte_writer() = default;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bytes_view view() const noexcept { return bytes_view{bytes_}.first(size_); }

  /// Returns the written bytes, and leaves the writer empty.
  [[nodiscard]] byte_vector take() {
    bytes_.resize(std::exchange(size_, 0));
    return std::exchange(bytes_, {});
  }

  void u8(std::uint8_t value) { number<1>(value); }
  void u16(std::uint16_t value) { number<2>(value); }
  void u32(std::uint32_t value) { number<4>(value); }
  void u64(std::uint64_t value) { number<8>(value); }
  void zeros(std::size_t count) { room(count); }

  /// Appends bytes, which must not belong to this writer.
  void append(bytes_view more) {
    if (more.size() <= bytes_.size() - size_) {
      std::copy(more.begin(), more.end(), room(more.size()));
      return;
    }
    // `insert` does not zero the new bytes first, unlike `room`; this matters for file data.
    bytes_.resize(size_);
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    size_ = bytes_.size();
  }

  /// Pads with zeros until the size, counted from `from`, is a multiple of `alignment`.
  void align(std::size_t alignment, std::size_t from = 0) {
    const std::size_t over = (size() - from) % alignment;
    zeros(over == 0 ? 0 : alignment - over);
  }

  void patch_u16(std::size_t at, std::uint16_t value) { patch<2>(at, value); }
  void patch_u32(std::size_t at, std::uint32_t value) { patch<4>(at, value); }

private:
  static constexpr std::size_t usual_bytes = 128; ///< Most messages are shorter.

  /// Appends `count` zeros, and returns their address.
  std::uint8_t* room(std::size_t count) {
    const std::size_t at = size_;
    if (bytes_.size() - at < count)
      bytes_.resize(std::max(at + count, 2 * bytes_.size()));
    size_ += count;
    return bytes_.data() + at;
  }

  template <std::size_t Size>
  void number(std::uint64_t value) {
    put_little_endian<Size>(room(Size), value);
  }

  template <std::size_t Size>
  void patch(std::size_t at, std::uint64_t value) {
    if (at > size_ || size_ - at < Size)
      throw std::out_of_range{"a patch beyond the written bytes"};
    put_little_endian<Size>(bytes_.data() + at, value);
  }

  byte_vector bytes_; ///< Zeros from `size_` on.
  std::size_t size_;
};

} // namespace leasebreak::smb
