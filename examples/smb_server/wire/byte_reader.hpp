// Reads little-endian values from a frame, with bounds checks.
#pragma once

#include <smb_server/wire/little_endian.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace leasebreak::smb {

using bytes_view = std::span<const std::uint8_t>;

/// The bytes of a text, without a terminating zero.
[[nodiscard]] inline bytes_view view_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
using guid = std::array<std::uint8_t, 16>;

/// A cursor over untrusted bytes. Reading past the end returns zeros and makes `ok` permanently
/// false, so that a parser can read a whole structure and check once.
class byte_reader {
public:
  explicit byte_reader(bytes_view bytes) noexcept : bytes_{bytes} {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - position_; }

  std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number<1>()); }
  std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number<2>()); }
  std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(number<4>()); }
  std::uint64_t u64() noexcept { return number<8>(); }

  guid guid16() noexcept {
    guid result{};
    const bytes_view from = bytes(result.size());
    std::copy(from.begin(), from.end(), result.begin());
    return result;
  }

  /// Returns the next `count` bytes, or none if there are fewer.
  bytes_view bytes(std::size_t count) noexcept {
    if (!take(count))
      return {};
    return bytes_.subspan(position_ - count, count);
  }

  void skip(std::size_t count) noexcept { static_cast<void>(take(count)); }

private:
  bool take(std::size_t count) noexcept {
    if (count > remaining()) {
      ok_ = false;
      return false;
    }
    position_ += count;
    return true;
  }

  template <std::size_t Size>
  std::uint64_t number() noexcept {
    return take(Size) ? get_little_endian<Size>(bytes_.data() + position_ - Size) : 0;
  }

  bytes_view bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

/// Returns `length` bytes at `offset` of `message`, or nothing if the range exceeds the message.
/// Any offset is valid if the length is zero, because clients send arbitrary offsets of absent
/// buffers.
[[nodiscard]] inline std::optional<bytes_view> slice(
  bytes_view message, std::size_t offset, std::size_t length) noexcept {
  if (length == 0)
    return bytes_view{};
  if (offset > message.size() || length > message.size() - offset)
    return std::nullopt;
  return message.subspan(offset, length);
}

} // namespace leasebreak::smb
