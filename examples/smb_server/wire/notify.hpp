// CHANGE_NOTIFY (MS-SMB2 2.2.35, 2.2.36) and its records (MS-FSCC 2.7.1).
#pragma once

#include <smb_server/wire/create.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::smb {

/// MS-FSCC 2.7.1 Action.
enum class change_action : std::uint32_t {
  added = 1,
  removed = 2,
  modified = 3,
  renamed_from = 4,
  renamed_to = 5,
  added_stream = 6,
  removed_stream = 7,
  modified_stream = 8,
};

/// MS-SMB2 2.2.35 CompletionFilter.
namespace notify_filter {
inline constexpr std::uint32_t file_name = 0x001;
inline constexpr std::uint32_t directory_name = 0x002;
inline constexpr std::uint32_t attributes = 0x004;
inline constexpr std::uint32_t size = 0x008;
inline constexpr std::uint32_t last_write = 0x010;
inline constexpr std::uint32_t last_access = 0x020;
inline constexpr std::uint32_t creation = 0x040;
inline constexpr std::uint32_t extended_attributes = 0x080;
inline constexpr std::uint32_t security = 0x100;
inline constexpr std::uint32_t stream_name = 0x200;
inline constexpr std::uint32_t stream_size = 0x400;
inline constexpr std::uint32_t stream_write = 0x800;
inline constexpr std::uint32_t all = 0xfff;
} // namespace notify_filter

struct notify_request {
  bool recursive = false;
  std::uint32_t output_max = 0;
  file_id id;
  std::uint32_t filter = 0;
};

[[nodiscard]] std::optional<notify_request> parse_notify(bytes_view message);

/// One change. The name is relative to the directory, with backslashes.
struct change_record {
  change_action action{};
  std::string name;

  friend bool operator==(const change_record&, const change_record&) = default;
};

/// The size of a record in a list.
[[nodiscard]] std::size_t encoded_size(const change_record& change);

/// Encodes a list of FILE_NOTIFY_INFORMATION.
[[nodiscard]] byte_vector encode_changes(const std::vector<change_record>& changes);

} // namespace leasebreak::smb
