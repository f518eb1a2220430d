// Changes recorded frames at random, like a hostile client.
#pragma once

#include "recording.hpp"

#include <random>
#include <vector>

namespace leasebreak::smb::fuzz {

/// Changes recordings at random; the same seed makes the same changes.
class mutator {
public:
  mutator(unsigned seed, std::vector<byte_vector> frames)
    : random_{seed}, frames_{std::move(frames)} {}

  /// Returns a recorded frame, usually with some bytes changed.
  byte_vector frame();

  /// Changes, omits, repeats or swaps frames of `r`, moves them to the other client, or inserts
  /// frames of any recording.
  void change(recording& r);

  std::size_t below(std::size_t bound) { return random_() % bound; }

private:
  void change(byte_vector& frame);
  void put_interesting(byte_vector& frame);

  std::mt19937 random_;
  std::vector<byte_vector> frames_;
};

} // namespace leasebreak::smb::fuzz
