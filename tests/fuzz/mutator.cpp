// Random changes of recordings.
#include "mutator.hpp"

#include <algorithm>
#include <array>

namespace leasebreak::smb::fuzz {

namespace {

/// Values that often break the handling of lengths, offsets and counts.
constexpr std::array<std::uint64_t, 14> interesting{
  0, 1, 2, 3, 7, 8, 24, 63, 64, 65, 0x7fff'ffff, 0x8000'0000, 0xffff'fff8, UINT64_MAX};

} // namespace

byte_vector mutator::frame() {
  byte_vector result = frames_[below(frames_.size())];
  for (std::size_t left = below(4); left > 0; --left)
    change(result);
  return result;
}

void mutator::put_interesting(byte_vector& frame) {
  const std::size_t size = std::size_t{1} << below(4);
  const std::size_t at = below(frame.size());
  const std::uint64_t value = interesting[below(interesting.size())];
  for (std::size_t i = 0; i < size && at + i < frame.size(); ++i)
    frame[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

void mutator::change(byte_vector& frame) {
  if (frame.empty()) {
    frame.push_back(static_cast<std::uint8_t>(random_()));
    return;
  }
  const auto at = frame.begin() + static_cast<std::ptrdiff_t>(below(frame.size()));
  switch (below(7)) {
  case 0:
    *at ^= static_cast<std::uint8_t>(1U << below(8));
    break;
  case 1:
    *at = static_cast<std::uint8_t>(random_());
    break;
  case 2:
  case 3:
    put_interesting(frame);
    break;
  case 4:
    frame.erase(at, frame.end());
    break;
  case 5:
    frame.insert(at, below(16), static_cast<std::uint8_t>(random_()));
    break;
  default: {
    const byte_vector& other = frames_[below(frames_.size())];
    const std::size_t from = below(frame.size());
    if (from < other.size())
      frame.assign(other.begin(), other.end() - static_cast<std::ptrdiff_t>(from));
    break;
  }
  }
}

void mutator::change(recording& r) {
  for (std::size_t left = 1 + below(6); left > 0; --left) {
    const std::size_t count = r.frames.size();
    const auto at = r.frames.begin() + static_cast<std::ptrdiff_t>(count == 0 ? 0 : below(count));
    switch (count == 0 ? 0 : below(7)) {
    case 0:
    case 1:
      r.frames.insert(at, {static_cast<std::uint8_t>(below(2)), false, frame()});
      break;
    case 2:
      r.frames.erase(at);
      break;
    case 3: {
      const recorded_frame copy = *at;
      r.frames.insert(at, copy);
      break;
    }
    case 4:
      std::iter_swap(at, r.frames.begin() + static_cast<std::ptrdiff_t>(below(count)));
      break;
    case 5:
      at->client ^= 1;
      break;
    default:
      change(at->bytes);
      at->as_is = below(8) == 0;
      break;
    }
  }
  r.logged_on = r.logged_on != (below(32) == 0);
  r.frames.resize(std::min(r.frames.size(), recorded_frames_max));
}

} // namespace leasebreak::smb::fuzz
