// The header of SMB2 messages (MS-SMB2 2.2.1), and the division of frames into messages.
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace leasebreak::smb {

/// MS-SMB2 2.2.1.2 Command.
enum class command : std::uint16_t {
  negotiate = 0,
  session_setup = 1,
  logoff = 2,
  tree_connect = 3,
  tree_disconnect = 4,
  create = 5,
  close = 6,
  flush = 7,
  read = 8,
  write = 9,
  lock = 10,
  ioctl = 11,
  cancel = 12,
  echo = 13,
  query_directory = 14,
  change_notify = 15,
  query_info = 16,
  set_info = 17,
  oplock_break = 18,
};

inline constexpr std::uint16_t command_count = 19;

[[nodiscard]] std::string_view to_string(command c) noexcept;

namespace header_flag {
inline constexpr std::uint32_t response = 0x0000'0001;
inline constexpr std::uint32_t async = 0x0000'0002;
inline constexpr std::uint32_t related = 0x0000'0004;
inline constexpr std::uint32_t signed_message = 0x0000'0008;
inline constexpr std::uint32_t dfs = 0x1000'0000;
inline constexpr std::uint32_t replay = 0x2000'0000;
} // namespace header_flag

inline constexpr std::size_t header_size = 64;
inline constexpr std::size_t signature_offset = 48;
inline constexpr std::size_t nbt_header_size = 4;

/// Both forms of the header: uses `async_id` if the async flag is set, otherwise `tree_id`.
struct header {
  std::uint16_t credit_charge = 0;
  std::uint32_t status = 0; ///< In requests: ChannelSequence in the lower half.
  smb::command command{};
  std::uint16_t credits = 0; ///< Requested or granted.
  std::uint32_t flags = 0;
  std::uint32_t next_command = 0;
  std::uint64_t message_id = 0;
  std::uint64_t async_id = 0;
  std::uint32_t tree_id = 0;
  std::uint64_t session_id = 0;
  std::array<std::uint8_t, 16> signature{};

  [[nodiscard]] bool has(std::uint32_t flag) const noexcept { return (flags & flag) != 0; }

  friend bool operator==(const header&, const header&) = default;
};

/// The kind of a frame, from its first four bytes.
enum class protocol { smb2, smb1, transform, compressed, unknown };

[[nodiscard]] protocol protocol_of(bytes_view frame) noexcept;

/// Returns nothing if the message is too short, not SMB2, or has a wrong StructureSize.
[[nodiscard]] std::optional<header> parse_header(bytes_view message) noexcept;

/// Returns the wire format (MS-SMB2 2.2.1.1, 2.2.1.2).
[[nodiscard]] std::array<std::uint8_t, header_size> to_bytes(const header& h) noexcept;

void encode(byte_writer& out, const header& h);

/// One message of a frame, with its header, up to the next message.
struct message {
  header head;
  bytes_view bytes;

  [[nodiscard]] bytes_view body() const noexcept { return bytes.subspan(header_size); }
};

/// The maximum number of messages in a frame.
inline constexpr std::size_t compound_max = 64;

/// Splits a frame at its NextCommand fields (MS-SMB2 3.3.5.2.7). Returns nothing if a header is
/// malformed, a message is not aligned to 8 bytes or exceeds the frame, or there are more than
/// `compound_max`.
[[nodiscard]] std::optional<std::vector<message>> split_compound(bytes_view frame);

/// Returns the length in an NBT header (RFC 1002 4.3.1), or nothing if it is not a session message.
[[nodiscard]] std::optional<std::size_t> parse_nbt_header(
  const std::array<std::uint8_t, nbt_header_size>& bytes) noexcept;

[[nodiscard]] std::array<std::uint8_t, nbt_header_size> make_nbt_header(
  std::size_t length) noexcept;

} // namespace leasebreak::smb
