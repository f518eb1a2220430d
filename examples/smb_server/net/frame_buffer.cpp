// Grows by a factor at first, later within reserved memory, which avoids copies of large frames.
#include <smb_server/net/frame_buffer.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::smb {

std::span<std::uint8_t> frame_buffer::room() {
  constexpr std::size_t growth = 4;
  if (size_ == bytes_.size()) {
    const std::size_t wanted = std::min(length_, std::max(first_bytes, growth * size_));
    bytes_.reserve(size_ < trusted_bytes ? wanted : length_);
    bytes_.resize(wanted);
  }
  return std::span{bytes_}.subspan(size_);
}

std::size_t frame_buffer::append(bytes_view bytes) {
  std::size_t copied = 0;
  while (!complete() && copied < bytes.size()) {
    const std::span<std::uint8_t> to = room();
    const std::size_t count = std::min(to.size(), bytes.size() - copied);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(copied), count, to.begin());
    took(count);
    copied += count;
  }
  return copied;
}

byte_vector frame_buffer::take() noexcept {
  return std::move(bytes_);
}

} // namespace leasebreak::smb
