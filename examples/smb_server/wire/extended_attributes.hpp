// Extended attributes in queries and settings (MS-FSCC 2.4.15, 2.4.16).
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::smb {

/// A list of more is malformed.
inline constexpr std::size_t ea_entries_max = 256;

struct ea_entry {
  std::string name;
  byte_vector value;
};

/// FILE_FULL_EA_INFORMATION, a list of names with values. Nothing for what is malformed.
[[nodiscard]] std::optional<std::vector<ea_entry>> parse_eas(bytes_view list);

/// FILE_GET_EA_INFORMATION, a list of names. Nothing for what is malformed.
[[nodiscard]] std::optional<std::vector<std::string>> parse_ea_names(bytes_view list);

/// As many entries from the first on as fit into `room` bytes; `count` says how many.
[[nodiscard]] byte_vector encode_eas(
  const std::vector<ea_entry>& entries, std::size_t room, std::size_t& count);

/// What FileEaInformation says of them: the bytes of the list that OS/2 had, 0 for none.
[[nodiscard]] std::uint32_t ea_size_of(const std::vector<ea_entry>& entries) noexcept;

} // namespace leasebreak::smb
