// The format of recordings.
#include "recording.hpp"

#include <smb_server/wire/byte_reader.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace leasebreak::smb::fuzz {

namespace {

constexpr std::uint8_t second_client = 0x01;
constexpr std::uint8_t sent_as_is = 0x02;
constexpr std::uint8_t starts_logged_on = 0x01;

} // namespace

recording decode(bytes_view bytes) {
  byte_reader in{bytes};
  recording result;
  result.logged_on = (in.u8() & starts_logged_on) != 0;
  while (in.remaining() > 3 && result.frames.size() < recorded_frames_max) {
    const std::uint8_t flags = in.u8();
    const std::size_t length = std::min<std::size_t>(in.u16(), in.remaining());
    const bytes_view frame = in.bytes(length);
    result.frames.push_back({static_cast<std::uint8_t>(flags & second_client),
      (flags & sent_as_is) != 0, {frame.begin(), frame.end()}});
  }
  return result;
}

byte_vector encode(const recording& r) {
  byte_writer out;
  out.u8(r.logged_on ? starts_logged_on : 0);
  for (const recorded_frame& f : r.frames) {
    const std::size_t length = std::min<std::size_t>(f.bytes.size(), UINT16_MAX);
    out.u8(static_cast<std::uint8_t>(f.client | (f.as_is ? sent_as_is : 0)));
    out.u16(static_cast<std::uint16_t>(length));
    out.append(bytes_view{f.bytes}.first(length));
  }
  return out.take();
}

std::vector<byte_vector> read_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> names;
  for (const auto& entry : std::filesystem::directory_iterator{folder})
    names.push_back(entry.path());
  std::sort(names.begin(), names.end());
  std::vector<byte_vector> result;
  for (const std::filesystem::path& name : names) {
    std::ifstream in{name, std::ios::binary};
    result.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
  }
  return result;
}

} // namespace leasebreak::smb::fuzz
