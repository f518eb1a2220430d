// Detects requests that the client has replayed or overtaken on another channel (MS-SMB2
// 3.3.5.2.10).
#pragma once

#include <cstddef>
#include <cstdint>

namespace leasebreak::smb {

/// The ChannelSequence of an open, and the numbers of its outstanding requests: those with the
/// current sequence, and those from before the client lost a channel and incremented it. Not
/// thread-safe.
class channel_sequence {
public:
  /// The result for a request.
  struct verdict {
    bool counted = false; ///< `end` must be called with the same number after the response.
    bool refused = false; ///< It must not change anything (STATUS_FILE_NOT_AVAILABLE).
  };

  channel_sequence() = default;
  explicit channel_sequence(std::uint16_t number) : number_{number} {}

  /// A request with this number has arrived. `replay`: the client marked it as a replay.
  [[nodiscard]] verdict begin(std::uint16_t number, bool replay) noexcept {
    constexpr std::uint16_t newer_most = 0x7fff;
    const auto ahead = static_cast<std::uint16_t>(number - number_);
    if (ahead > newer_most)
      return {false, true};
    if (ahead != 0) {
      before_ += current_;
      current_ = 0;
      number_ = number;
    }
    // The original may still be in flight. Executing the replay now could execute it twice.
    if (replay && before_ > 0)
      return {false, true};
    ++current_;
    return {true, false};
  }

  /// A counted request has its response.
  void end(std::uint16_t number) noexcept {
    std::size_t& count = number == number_ ? current_ : before_;
    if (count > 0)
      --count;
  }

private:
  std::uint16_t number_ = 0;
  std::size_t current_ = 0;
  std::size_t before_ = 0;
};

} // namespace leasebreak::smb
