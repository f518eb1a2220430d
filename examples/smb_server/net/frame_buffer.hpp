// The buffer for one frame that is being read.
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace leasebreak::smb {

/// Collects the bytes of a frame. A peer can announce any length, thus memory follows the received
/// bytes: it is at most four times their number, or `first_bytes`. After `trusted_bytes`, address
/// space for the whole frame is reserved, but only as much of it is written.
class frame_buffer {
public:
  static constexpr std::size_t first_bytes = 4'096;
  static constexpr std::size_t trusted_bytes = 16'384;

  explicit frame_buffer(std::size_t length) noexcept : length_{length} {}

  [[nodiscard]] bool complete() const noexcept { return size_ == length_; }

  /// Where the next bytes must be written. Precondition: not complete.
  [[nodiscard]] std::span<std::uint8_t> room();

  /// Reports that `count` bytes were written to `room()`.
  void took(std::size_t count) noexcept { size_ += count; }

  /// Copies as much of `bytes` as belongs to the frame. Returns the number of copied bytes.
  std::size_t append(bytes_view bytes);

  /// Precondition: complete.
  [[nodiscard]] byte_vector take() noexcept;

  /// The number of initialized bytes.
  [[nodiscard]] std::size_t memory() const noexcept { return bytes_.size(); }
  [[nodiscard]] std::size_t reserved() const noexcept { return bytes_.capacity(); }

private:
  std::size_t length_;
  byte_vector bytes_;
  std::size_t size_ = 0; ///< Number of received bytes.
};

} // namespace leasebreak::smb
