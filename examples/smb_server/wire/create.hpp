// CREATE and its contexts, CLOSE (MS-SMB2 2.2.13 to 2.2.16).
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::smb {

/// MS-SMB2 2.2.14.1.
struct file_id {
  std::uint64_t persistent = 0;
  std::uint64_t volatile_id = 0;

  friend bool operator==(const file_id&, const file_id&) = default;
};

/// In a related request: the file of the previous request.
inline constexpr file_id related_file_id{UINT64_MAX, UINT64_MAX};

[[nodiscard]] inline file_id read_file_id(byte_reader& in) noexcept {
  const std::uint64_t persistent = in.u64();
  return {persistent, in.u64()};
}

inline void write_file_id(byte_writer& out, const file_id& id) {
  out.u64(id.persistent);
  out.u64(id.volatile_id);
}

enum class disposition : std::uint32_t {
  supersede = 0,
  open = 1,
  create = 2,
  open_if = 3,
  overwrite = 4,
  overwrite_if = 5,
};

/// MS-SMB2 2.2.13 CreateOptions.
namespace create_option {
inline constexpr std::uint32_t directory = 0x0000'0001;
inline constexpr std::uint32_t non_directory = 0x0000'0040;
inline constexpr std::uint32_t no_intermediate_buffering = 0x0000'0008;
inline constexpr std::uint32_t no_ea_knowledge = 0x0000'0200;
inline constexpr std::uint32_t delete_on_close = 0x0000'1000;
inline constexpr std::uint32_t open_reparse_point = 0x0020'0000;
/// Tree connections, opens by file id, and filter oplocks (MS-SMB2 3.3.5.9).
inline constexpr std::uint32_t not_supported = 0x0010'2080;
inline constexpr std::uint32_t valid = 0x00ff'ffff; ///< The bits that MS-SMB2 2.2.13 defines.
} // namespace create_option

/// MS-SMB2 2.2.14 CreateAction.
enum class create_action : std::uint32_t {
  superseded = 0,
  opened = 1,
  created = 2,
  overwritten = 3
};

/// SMB2_CREATE_REQUEST_LEASE and its V2 (MS-SMB2 2.2.13.2.8, 2.2.13.2.10).
struct lease_context {
  std::uint8_t version = 1;
  guid key{};
  std::uint32_t state = 0;
  std::uint32_t flags = 0;
  guid parent_key{};
  std::uint16_t epoch = 0;

  friend bool operator==(const lease_context&, const lease_context&) = default;
};

namespace lease_flag {
inline constexpr std::uint32_t break_in_progress = 0x02;
inline constexpr std::uint32_t parent_key_set = 0x04;
} // namespace lease_flag

/// A received create context: a name, usually of four letters, and data.
struct create_context {
  std::string name;
  bytes_view data;
};

/// The maximum number of contexts in a request.
inline constexpr std::size_t create_contexts_max = 32;

/// Returns nothing if the list is malformed.
[[nodiscard]] std::optional<std::vector<create_context>> parse_create_contexts(bytes_view list);

/// Returns nothing if the length fits neither version.
[[nodiscard]] std::optional<lease_context> parse_lease_context(bytes_view data);

[[nodiscard]] byte_vector encode_lease_context(const lease_context& lease);

struct create_request {
  std::uint8_t oplock_level = 0;
  std::uint32_t impersonation = 0;
  std::uint32_t access = 0;
  std::uint32_t attributes = 0;
  std::uint32_t share_access = 0;
  smb::disposition disposition{};
  std::uint32_t options = 0;
  std::string name; ///< As received, with backslashes.
  std::vector<create_context> contexts;

  /// Returns the context with this name, or null.
  [[nodiscard]] const create_context* context(std::string_view name) const noexcept;
};

/// A parsed CREATE, or the status of a malformed one: INVALID_PARAMETER for the structure or a
/// context, OBJECT_NAME_INVALID for a name that is not UTF-16.
struct create_parsed {
  std::uint32_t status = 0;
  create_request request;
};

[[nodiscard]] create_parsed parse_create(bytes_view message);

/// Times, sizes and attributes, used by several responses. Times are FILETIMEs.
struct file_metadata {
  std::uint64_t creation_time = 0;
  std::uint64_t access_time = 0;
  std::uint64_t write_time = 0;
  std::uint64_t change_time = 0;
  std::uint64_t allocation = 0;
  std::uint64_t end_of_file = 0;
  std::uint32_t attributes = 0;
  std::uint32_t links = 1;
  std::uint64_t index = 0; ///< The file's number on its volume.
  bool is_directory = false;
  bool delete_pending = false;
};

/// MS-FSCC 2.6.
namespace file_attribute {
inline constexpr std::uint32_t read_only = 0x01;
inline constexpr std::uint32_t hidden = 0x02;
inline constexpr std::uint32_t system = 0x04;
inline constexpr std::uint32_t directory = 0x10;
inline constexpr std::uint32_t archive = 0x20;
inline constexpr std::uint32_t normal = 0x80;
} // namespace file_attribute

/// A response context.
struct response_context {
  std::string name;
  byte_vector data;
};

struct create_response {
  std::uint8_t oplock_level = 0;
  create_action action = create_action::opened;
  file_metadata metadata;
  file_id id;
  std::vector<response_context> contexts;
};

/// Appends the body; `begin` is where the message's header begins.
void encode(byte_writer& out, std::size_t begin, const create_response& r);

struct close_request {
  std::uint16_t flags = 0; ///< 1: the response must have the attributes.
  file_id id;
};

[[nodiscard]] std::optional<close_request> parse_close(bytes_view message);

/// Appends the body; without metadata, all fields are zero (MS-SMB2 2.2.16).
void encode_close_response(byte_writer& out, const std::optional<file_metadata>& metadata);

} // namespace leasebreak::smb
