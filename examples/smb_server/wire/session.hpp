// SESSION_SETUP, LOGOFF, TREE_CONNECT, TREE_DISCONNECT, ECHO (MS-SMB2 2.2.5 to 2.2.12, 2.2.28).
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace leasebreak::smb {

struct session_setup_request {
  std::uint8_t flags = 0; ///< 1: binds another channel.
  std::uint8_t security_mode = 0;
  std::uint64_t previous_session_id = 0;
  bytes_view token;
};

inline constexpr std::uint8_t session_flag_binding = 1;

[[nodiscard]] std::optional<session_setup_request> parse_session_setup(bytes_view message);

/// Appends the body of a SESSION_SETUP response.
void encode_session_setup_response(byte_writer& out, std::uint16_t session_flags, bytes_view token);

struct tree_connect_request {
  std::string path; ///< "\\server\share"
};

[[nodiscard]] std::optional<tree_connect_request> parse_tree_connect(bytes_view message);

/// Returns the part after the last backslash of a tree's path, ignoring trailing backslashes.
[[nodiscard]] std::string share_of(const std::string& path);

/// MS-SMB2 2.2.10 Capabilities.
namespace share_capability {
inline constexpr std::uint32_t continuous_availability = 0x10;
} // namespace share_capability

struct tree_connect_response {
  bool is_pipe = false;
  std::uint32_t share_flags = 0;
  std::uint32_t capabilities = 0;
  std::uint32_t maximal_access = 0;
};

void encode(byte_writer& out, const tree_connect_response& r);

/// Whether the body is a valid empty one, as in LOGOFF, TREE_DISCONNECT, ECHO and CANCEL.
[[nodiscard]] bool parse_empty(bytes_view message);

/// Appends the response to any of these commands.
void encode_empty(byte_writer& out);

/// Appends an error response (MS-SMB2 2.2.2).
void encode_error(byte_writer& out, bytes_view data = {});

} // namespace leasebreak::smb
