// Changes recorded frames at random, as hostile clients might.
#pragma once

#include "recording.hpp"

#include <random>
#include <vector>

namespace leasebreak::smb::fuzz {

/// Draws from a seed and from what was recorded; the same seed makes the same changes.
class mutator {
public:
  mutator(unsigned seed, std::vector<byte_vector> frames)
    : random_{seed}, frames_{std::move(frames)} {}

  /// A recorded frame, mostly with some bytes changed.
  byte_vector frame();

  /// The recording with frames changed, left out, repeated, put elsewhere, or from another one.
  void change(recording& r);

  std::size_t below(std::size_t bound) { return random_() % bound; }

private:
  void change(byte_vector& frame);
  void put_interesting(byte_vector& frame);

  std::mt19937 random_;
  std::vector<byte_vector> frames_;
};

} // namespace leasebreak::smb::fuzz
