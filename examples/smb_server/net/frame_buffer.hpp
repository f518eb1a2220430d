// One frame while it is being read.
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace leasebreak::smb {

/// Collects the bytes of a frame. A peer can announce any length, so memory follows the bytes that
/// have come: it is at most four times of them, or `first_bytes`. Once `trusted_bytes` have come,
/// address space is taken for the whole frame, but only so much of it is written to.
class frame_buffer {
public:
  static constexpr std::size_t first_bytes = 4'096;
  static constexpr std::size_t trusted_bytes = 16'384;

  explicit frame_buffer(std::size_t length) noexcept : length_{length} {}

  [[nodiscard]] bool complete() const noexcept { return size_ == length_; }

  /// Where the next bytes belong. Precondition: not complete.
  [[nodiscard]] std::span<std::uint8_t> room();

  /// So many bytes have been written to `room()`.
  void took(std::size_t count) noexcept { size_ += count; }

  /// Copies as much of `bytes` as belongs to the frame; returns how much that is.
  std::size_t append(bytes_view bytes);

  /// Precondition: complete.
  [[nodiscard]] byte_vector take() noexcept;

  /// What has been written to.
  [[nodiscard]] std::size_t memory() const noexcept { return bytes_.size(); }
  [[nodiscard]] std::size_t reserved() const noexcept { return bytes_.capacity(); }

private:
  std::size_t length_;
  byte_vector bytes_;
  std::size_t size_ = 0; ///< Of `bytes_`, how many have come.
};

} // namespace leasebreak::smb
