// The NTSTATUS values that this server sends (MS-ERREF 2.3.1).
#pragma once

#include <cstdint>

namespace leasebreak::smb::status {

inline constexpr std::uint32_t success = 0x0000'0000;
inline constexpr std::uint32_t pending = 0x0000'0103;
inline constexpr std::uint32_t notify_cleanup = 0x0000'010b;
inline constexpr std::uint32_t notify_enum_dir = 0x0000'010c;
inline constexpr std::uint32_t buffer_overflow = 0x8000'0005;
inline constexpr std::uint32_t ea_list_inconsistent = 0x8000'0014;
inline constexpr std::uint32_t no_more_files = 0x8000'0006;
inline constexpr std::uint32_t invalid_info_class = 0xc000'0003;
inline constexpr std::uint32_t info_length_mismatch = 0xc000'0004;
inline constexpr std::uint32_t invalid_handle = 0xc000'0008;
inline constexpr std::uint32_t invalid_parameter = 0xc000'000d;
inline constexpr std::uint32_t no_such_file = 0xc000'000f;
inline constexpr std::uint32_t invalid_device_request = 0xc000'0010;
inline constexpr std::uint32_t end_of_file = 0xc000'0011;
inline constexpr std::uint32_t more_processing_required = 0xc000'0016;
inline constexpr std::uint32_t access_denied = 0xc000'0022;
inline constexpr std::uint32_t buffer_too_small = 0xc000'0023;
inline constexpr std::uint32_t object_type_mismatch = 0xc000'0024;
inline constexpr std::uint32_t object_name_invalid = 0xc000'0033;
inline constexpr std::uint32_t object_name_not_found = 0xc000'0034;
inline constexpr std::uint32_t object_name_collision = 0xc000'0035;
inline constexpr std::uint32_t object_path_not_found = 0xc000'003a;
inline constexpr std::uint32_t object_path_syntax_bad = 0xc000'003b;
inline constexpr std::uint32_t sharing_violation = 0xc000'0043;
inline constexpr std::uint32_t eas_not_supported = 0xc000'004f;
inline constexpr std::uint32_t no_eas_on_file = 0xc000'0052;
inline constexpr std::uint32_t lock_not_granted = 0xc000'0055;
inline constexpr std::uint32_t delete_pending = 0xc000'0056;
inline constexpr std::uint32_t logon_failure = 0xc000'006d;
inline constexpr std::uint32_t disk_full = 0xc000'007f;
inline constexpr std::uint32_t insufficient_resources = 0xc000'009a;
inline constexpr std::uint32_t media_write_protected = 0xc000'00a2;
inline constexpr std::uint32_t bad_impersonation_level = 0xc000'00a5;
inline constexpr std::uint32_t file_is_a_directory = 0xc000'00ba;
inline constexpr std::uint32_t not_supported = 0xc000'00bb;
inline constexpr std::uint32_t network_name_deleted = 0xc000'00c9;
inline constexpr std::uint32_t bad_network_name = 0xc000'00cc;
inline constexpr std::uint32_t request_not_accepted = 0xc000'00d0;
inline constexpr std::uint32_t not_same_device = 0xc000'00d4;
inline constexpr std::uint32_t invalid_oplock_protocol = 0xc000'00e3;
inline constexpr std::uint32_t internal_error = 0xc000'00e5;
inline constexpr std::uint32_t unexpected_io_error = 0xc000'00e9;
inline constexpr std::uint32_t directory_not_empty = 0xc000'0101;
inline constexpr std::uint32_t not_a_directory = 0xc000'0103;
inline constexpr std::uint32_t name_too_long = 0xc000'0106;
inline constexpr std::uint32_t too_many_opened_files = 0xc000'011f;
inline constexpr std::uint32_t cancelled = 0xc000'0120;
inline constexpr std::uint32_t cannot_delete = 0xc000'0121;
inline constexpr std::uint32_t file_closed = 0xc000'0128;
inline constexpr std::uint32_t fs_driver_required = 0xc000'019c;
inline constexpr std::uint32_t invalid_lock_range = 0xc000'01a1;
inline constexpr std::uint32_t user_session_deleted = 0xc000'0203;
inline constexpr std::uint32_t not_found = 0xc000'0225;
inline constexpr std::uint32_t duplicate_objectid = 0xc000'022a;
inline constexpr std::uint32_t request_out_of_sequence = 0xc000'042a;
inline constexpr std::uint32_t file_not_available = 0xc000'0467;
inline constexpr std::uint32_t no_preauth_integrity_hash_overlap = 0xc05d'0000;

/// Whether the status is an error, as opposed to success, information or a warning.
[[nodiscard]] constexpr bool is_error(std::uint32_t status) noexcept {
  return (status >> 30) == 3;
}

} // namespace leasebreak::smb::status
