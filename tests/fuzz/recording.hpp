// Recordings of clients' frames, in the format of the corpus, which fuzzers change.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace leasebreak::smb::fuzz {

/// A frame and how to send it.
struct recorded_frame {
  std::uint8_t client = 0; ///< 0 or 1.
  bool as_is = false; ///< Send it with the recorded ids.
  byte_vector bytes;
};

/// A session. Encoded as one byte of flags and, for each frame, a byte of flags, two bytes of
/// length and the frame.
struct recording {
  bool logged_on = true; ///< The clients log on and connect to the share beforehand.
  std::vector<recorded_frame> frames;
};

inline constexpr std::size_t recorded_frames_max = 64;

/// Accepts any bytes; ignores frames beyond the limit.
[[nodiscard]] recording decode(bytes_view bytes);

[[nodiscard]] byte_vector encode(const recording& r);

/// Returns the contents of a folder's files, ordered by name.
[[nodiscard]] std::vector<byte_vector> read_folder(const std::filesystem::path& folder);

} // namespace leasebreak::smb::fuzz
