// QUERY_DIRECTORY, QUERY_INFO and SET_INFO (MS-SMB2 2.2.33, 2.2.37, 2.2.39).
#pragma once

#include <smb_server/wire/create.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace leasebreak::smb {

/// MS-SMB2 2.2.33 Flags.
namespace directory_flag {
inline constexpr std::uint8_t restart = 0x01;
inline constexpr std::uint8_t single_entry = 0x02;
inline constexpr std::uint8_t index_specified = 0x04;
inline constexpr std::uint8_t reopen = 0x10;
} // namespace directory_flag

struct query_directory_request {
  std::uint8_t info_class = 0;
  std::uint8_t flags = 0;
  std::uint32_t index = 0;
  file_id id;
  std::string pattern;
  std::uint32_t output_max = 0;
};

[[nodiscard]] std::optional<query_directory_request> parse_query_directory(bytes_view message);

/// MS-SMB2 2.2.37 InfoType.
enum class info_type : std::uint8_t { file = 1, filesystem = 2, security = 3, quota = 4 };

struct query_info_request {
  info_type type{};
  std::uint8_t info_class = 0;
  std::uint32_t output_max = 0;
  std::uint32_t additional = 0;
  file_id id;
  bytes_view input;
};

[[nodiscard]] std::optional<query_info_request> parse_query_info(bytes_view message);

/// Appends the response to QUERY_DIRECTORY or QUERY_INFO, which have the same layout.
void encode_buffer_response(byte_writer& out, bytes_view data);

struct set_info_request {
  info_type type{};
  std::uint8_t info_class = 0;
  std::uint32_t additional = 0;
  file_id id;
  bytes_view data;
};

[[nodiscard]] std::optional<set_info_request> parse_set_info(bytes_view message);

/// Appends the response to SET_INFO.
void encode_set_info_response(byte_writer& out);

} // namespace leasebreak::smb
