// The table of NTSTATUS values (MS-ERREF 2.3.1).
#include "vfs_status.hpp"

#include <boost/asio/error.hpp>

#include <cerrno>

namespace leasebreak::smb::vfs {

namespace {

constexpr std::uint32_t success = 0x00000000;
constexpr std::uint32_t unsuccessful = 0xC0000001;
constexpr std::uint32_t invalid_handle = 0xC0000008;
constexpr std::uint32_t invalid_parameter = 0xC000000D;
constexpr std::uint32_t invalid_device_request = 0xC0000010;
constexpr std::uint32_t invalid_view_size = 0xC000001F;
constexpr std::uint32_t no_memory = 0xC0000017;
constexpr std::uint32_t access_denied = 0xC0000022;
constexpr std::uint32_t object_name_invalid = 0xC0000033;
constexpr std::uint32_t object_name_not_found = 0xC0000034;
constexpr std::uint32_t object_name_collision = 0xC0000035;
constexpr std::uint32_t object_path_not_found = 0xC000003A;
constexpr std::uint32_t object_path_syntax_bad = 0xC000003B;
constexpr std::uint32_t sharing_violation = 0xC0000043;
constexpr std::uint32_t quota_exceeded = 0xC0000044;
constexpr std::uint32_t invalid_ea_name = 0x80000013;
constexpr std::uint32_t eas_not_supported = 0xC000004F;
constexpr std::uint32_t ea_too_large = 0xC0000050;
constexpr std::uint32_t disk_full = 0xC000007F;
constexpr std::uint32_t insufficient_resources = 0xC000009A;
constexpr std::uint32_t media_write_protected = 0xC00000A2;
constexpr std::uint32_t file_is_a_directory = 0xC00000BA;
constexpr std::uint32_t not_supported = 0xC00000BB;
constexpr std::uint32_t network_name_deleted = 0xC00000C9;
constexpr std::uint32_t not_same_device = 0xC00000D4;
constexpr std::uint32_t directory_not_empty = 0xC0000101;
constexpr std::uint32_t not_a_directory = 0xC0000103;
constexpr std::uint32_t name_too_long = 0xC0000106;
constexpr std::uint32_t too_many_opened_files = 0xC000011F;
constexpr std::uint32_t cancelled = 0xC0000120;
constexpr std::uint32_t cannot_delete = 0xC0000121;
constexpr std::uint32_t io_device_error = 0xC0000185;
constexpr std::uint32_t too_many_links = 0xC0000265;
constexpr std::uint32_t file_too_large = 0xC0000904;

std::uint32_t of_errc(errc value) noexcept {
  switch (value) {
  case errc::invalid_name:
  case errc::name_too_long:
  case errc::path_too_long:
  case errc::invalid_stream:
    return object_name_invalid;
  case errc::dot_component:
    return object_path_syntax_bad;
  // MS-SMB2 3.3.5.9: a name that begins with a separator.
  case errc::leading_separator:
  case errc::invalid_argument:
    return invalid_parameter;
  case errc::path_not_found:
    return object_path_not_found;
  case errc::name_not_found:
    return object_name_not_found;
  case errc::name_collision:
    return object_name_collision;
  case errc::is_directory:
    return file_is_a_directory;
  case errc::not_directory:
    return not_a_directory;
  case errc::not_served:
  case errc::escapes_root:
  case errc::read_only:
  case errc::attributes_mismatch:
  case errc::cannot_replace:
  case errc::no_access:
    return access_denied;
  case errc::cannot_delete:
    return cannot_delete;
  case errc::stream_too_large:
    return file_too_large;
  // The error of a file system without streams for a name with a colon (MS-FSA 2.1.5.1).
  case errc::streams_not_supported:
    return object_name_invalid;
  case errc::invalid_attribute_name:
    return invalid_ea_name;
  case errc::attributes_not_supported:
    return eas_not_supported;
  case errc::attributes_too_large:
    return ea_too_large;
  case errc::too_many_opens:
    return too_many_opened_files;
  case errc::too_many_streams:
  case errc::too_many_operations:
    return insufficient_resources;
  case errc::name_changed:
  case errc::keeps_changing:
    return sharing_violation;
  case errc::behind_end:
    return invalid_view_size;
  case errc::shutting_down:
    return network_name_deleted;
  }
  return unsuccessful;
}

std::uint32_t of_errno(int value) noexcept {
  switch (value) {
  case 0:
    return success;
  case EACCES:
  case EPERM:
  case ELOOP:
    return access_denied;
  case ENOENT:
    return object_name_not_found;
  case EEXIST:
    return object_name_collision;
  case ENOTDIR:
    return not_a_directory;
  case EISDIR:
    return file_is_a_directory;
  case ENOTEMPTY:
    return directory_not_empty;
  case ENAMETOOLONG:
    return name_too_long;
  case ENOSPC:
    return disk_full;
  case EDQUOT:
    return quota_exceeded;
  case EROFS:
    return media_write_protected;
  case EXDEV:
    return not_same_device;
  case EMLINK:
    return too_many_links;
  case EFBIG:
    return file_too_large;
  case EMFILE:
  case ENFILE:
    return too_many_opened_files;
  case ENOMEM:
    return no_memory;
  case EBUSY:
  case ETXTBSY:
    return sharing_violation;
  case EBADF:
    return invalid_handle;
  case EINVAL:
    return invalid_parameter;
  case EIO:
    return io_device_error;
  case ENOTTY:
  case ENXIO:
  case ENODEV:
    return invalid_device_request;
  case EOPNOTSUPP:
  case ENOSYS:
    return not_supported;
  case ECANCELED:
    return cancelled;
  default:
    return unsuccessful;
  }
}

} // namespace

std::uint32_t to_nt_status(const error_code& error) noexcept {
  if (!error.failed()) {
    return success;
  }
  if (error.category() == vfs_category()) {
    return of_errc(static_cast<errc>(error.value()));
  }
  if (error == boost::asio::error::operation_aborted) {
    return cancelled;
  }
  if (error.category() == boost::system::system_category() ||
    error.category() == boost::system::generic_category()) {
    return of_errno(error.value());
  }
  return unsuccessful;
}

} // namespace leasebreak::smb::vfs
