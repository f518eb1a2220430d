// Requests that a client sends again on another channel, and those that it has overtaken
// (MS-SMB2 3.3.5.2.10).
#pragma once

#include <cstddef>
#include <cstdint>

namespace leasebreak::smb {

/// The ChannelSequence of an open, and its requests under way: those with the current number, and
/// those from before the client lost a channel and counted on. Not thread-safe.
class channel_sequence {
public:
  /// What becomes of a request.
  struct verdict {
    bool counted = false; ///< `end` must be called with its number when it is answered.
    bool refused = false; ///< It must not change anything (STATUS_FILE_NOT_AVAILABLE).
  };

  channel_sequence() = default;
  explicit channel_sequence(std::uint16_t number) : number_{number} {}

  /// A request with this number has come; `replay`: its client says that it sends it again.
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
    // What was sent before may still be under way: to do it again now could do it twice.
    if (replay && before_ > 0)
      return {false, true};
    ++current_;
    return {true, false};
  }

  /// A counted request is answered.
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
