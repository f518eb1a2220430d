// Access masks and share modes of opens (MS-SMB2 2.2.13, 2.2.13.1; MS-FSA 2.1.5.1.2).
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstdint>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Bits of an access mask (MS-SMB2 2.2.13.1). Generic bits must be mapped before a mask reaches the
/// model; `map_generic` does so for files and directories.
namespace access {
inline constexpr std::uint32_t read_data = 0x0000'0001; ///< FILE_READ_DATA; FILE_LIST_DIRECTORY.
inline constexpr std::uint32_t write_data = 0x0000'0002; ///< FILE_WRITE_DATA; FILE_ADD_FILE.
/// FILE_APPEND_DATA; FILE_ADD_SUBDIRECTORY.
inline constexpr std::uint32_t append_data = 0x0000'0004;
inline constexpr std::uint32_t read_ea = 0x0000'0008; ///< FILE_READ_EA.
inline constexpr std::uint32_t write_ea = 0x0000'0010; ///< FILE_WRITE_EA.
inline constexpr std::uint32_t execute = 0x0000'0020; ///< FILE_EXECUTE; FILE_TRAVERSE.
inline constexpr std::uint32_t delete_child = 0x0000'0040; ///< FILE_DELETE_CHILD.
inline constexpr std::uint32_t read_attributes = 0x0000'0080; ///< FILE_READ_ATTRIBUTES.
inline constexpr std::uint32_t write_attributes = 0x0000'0100; ///< FILE_WRITE_ATTRIBUTES.
inline constexpr std::uint32_t delete_file = 0x0001'0000; ///< DELETE.
inline constexpr std::uint32_t read_control = 0x0002'0000; ///< READ_CONTROL.
inline constexpr std::uint32_t write_dac = 0x0004'0000; ///< WRITE_DAC.
inline constexpr std::uint32_t write_owner = 0x0008'0000; ///< WRITE_OWNER.
inline constexpr std::uint32_t synchronize = 0x0010'0000; ///< SYNCHRONIZE.
inline constexpr std::uint32_t maximum_allowed = 0x0200'0000; ///< MAXIMUM_ALLOWED.
inline constexpr std::uint32_t generic_all = 0x1000'0000; ///< GENERIC_ALL.
inline constexpr std::uint32_t generic_execute = 0x2000'0000; ///< GENERIC_EXECUTE.
inline constexpr std::uint32_t generic_write = 0x4000'0000; ///< GENERIC_WRITE.
inline constexpr std::uint32_t generic_read = 0x8000'0000; ///< GENERIC_READ.

/// All rights that the owner of a file can be granted.
inline constexpr std::uint32_t all = 0x001f'01ff;
} // namespace access

/// Bits of ShareAccess (MS-SMB2 2.2.13).
namespace share {
inline constexpr std::uint32_t none = 0; ///< No sharing.
inline constexpr std::uint32_t read = 1; ///< FILE_SHARE_READ.
inline constexpr std::uint32_t write = 2; ///< FILE_SHARE_WRITE.
inline constexpr std::uint32_t delete_file = 4; ///< FILE_SHARE_DELETE.
inline constexpr std::uint32_t all = 7; ///< All bits.
} // namespace share

/// Returns `mask` with the generic bits replaced by the specific rights that they stand for on
/// files and directories (MS-SMB2 2.2.13.1.1). `maximum_allowed` becomes `access::all`.
[[nodiscard]] std::uint32_t map_generic(std::uint32_t mask) noexcept;

/// Returns whether an open with this access never conflicts with share modes and breaks no oplock,
/// because it asks for attributes and SYNCHRONIZE only (MS-FSA 2.1.4.12, case OPEN).
[[nodiscard]] bool is_stat_access_for_oplocks(std::uint32_t mask) noexcept;

/// Returns whether an open with this access breaks no lease. Like `is_stat_access_for_oplocks`, but
/// READ_CONTROL is harmless, too.
[[nodiscard]] bool is_stat_access_for_leases(std::uint32_t mask) noexcept;

/// Returns whether two opens exclude each other, because one asks to read, write or delete and the
/// other does not share that (MS-FSA 2.1.5.1.2.2). Symmetric.
[[nodiscard]] bool share_conflict(std::uint32_t access_a, std::uint32_t share_a,
  std::uint32_t access_b, std::uint32_t share_b) noexcept;

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
