// What clients have sent: the form in which the corpus keeps it and fuzzers change it.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace leasebreak::smb::fuzz {

/// A frame, and how to send it.
struct recorded_frame {
  std::uint8_t client = 0; ///< 0 or 1.
  bool as_is = false; ///< With the ids that it was recorded with.
  byte_vector bytes;
};

/// A session: one byte of flags, and for each frame a byte of flags, two of length, the frame.
struct recording {
  bool logged_on = true; ///< The clients log on and connect to the share beforehand.
  std::vector<recorded_frame> frames;
};

inline constexpr std::size_t recorded_frames_max = 64;

/// Any bytes are a recording; what is too much of them is left out.
[[nodiscard]] recording decode(bytes_view bytes);

[[nodiscard]] byte_vector encode(const recording& r);

/// The files of a folder, in the order of their names.
[[nodiscard]] std::vector<byte_vector> read_folder(const std::filesystem::path& folder);

} // namespace leasebreak::smb::fuzz
