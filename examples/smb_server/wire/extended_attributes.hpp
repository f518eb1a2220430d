// Extended attributes in QUERY_INFO and SET_INFO (MS-FSCC 2.4.15, 2.4.16).
#pragma once

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::smb {

/// A longer list counts as malformed.
inline constexpr std::size_t ea_entries_max = 256;

struct ea_entry {
  std::string name;
  byte_vector value;
};

/// Parses FILE_FULL_EA_INFORMATION, a list of names with values. Returns nothing if it is
/// malformed.
[[nodiscard]] std::optional<std::vector<ea_entry>> parse_eas(bytes_view list);

/// Parses FILE_GET_EA_INFORMATION, a list of names. Returns nothing if it is malformed.
[[nodiscard]] std::optional<std::vector<std::string>> parse_ea_names(bytes_view list);

/// Encodes the first entries that fit into `room` bytes, and sets `count` to their number.
[[nodiscard]] byte_vector encode_eas(
  const std::vector<ea_entry>& entries, std::size_t room, std::size_t& count);

/// Returns the value of FileEaInformation: the size of the list in the format of OS/2, 0 for none.
[[nodiscard]] std::uint32_t ea_size_of(const std::vector<ea_entry>& entries) noexcept;

} // namespace leasebreak::smb
