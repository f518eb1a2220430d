// The errors of the file system library: errno, and its own for conditions that errno cannot
// express.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>

#include <type_traits>

namespace leasebreak::smb::vfs {

using boost::system::error_code;

/// The result of a function: a value or an error.
template <class T>
using result = boost::system::result<T>;

/// Errors in addition to errno. Errors of system calls that have no entry here keep their errno, in
/// the system category.
enum class errc {
  invalid_name = 1, ///< A forbidden character, invalid UTF-8 or an empty component.
  dot_component, ///< `.` or `..` as a component.
  leading_separator, ///< The path is absolute.
  name_too_long, ///< A component or stream name is longer than the limit.
  path_too_long, ///< The path as a whole is longer than the limit.
  invalid_stream, ///< An invalid stream name or type.
  path_not_found, ///< A folder of the path is missing, or is not a folder.
  name_not_found, ///< The folder exists, but not the name in it.
  name_collision, ///< The name already exists.
  is_directory, ///< A file was requested, but it is a directory.
  not_directory, ///< A directory was requested, but it is a file.
  not_served, ///< A symbolic link, device, socket or pipe.
  escapes_root, ///< The path would lead outside the share.
  read_only, ///< The file's READONLY attribute forbids the operation.
  cannot_delete, ///< The READONLY attribute forbids deletion, or it is the share's root.
  attributes_mismatch, ///< Overwrite of a hidden or system file without these attributes.
  cannot_replace, ///< The target of a rename or link must not be replaced.
  stream_too_large, ///< A named stream would grow above the limit.
  too_many_streams, ///< The share's limit of named streams of a file.
  streams_not_supported, ///< The file system has no extended attributes.
  invalid_attribute_name, ///< An extended attribute's name is empty, too long or has an invalid
                          ///< character.
  attributes_not_supported, ///< The file system has no extended attributes.
  attributes_too_large, ///< The file system cannot store so many in one file.
  too_many_opens, ///< The share's limit of opens.
  too_many_operations, ///< The worker pool's limit of operations in flight.
  name_changed, ///< The names differ from the expected ones; the caller must look them up again.
  keeps_changing, ///< The name was changed during each attempt.
  no_access, ///< The file was not opened for this kind of access.
  invalid_argument, ///< An invalid argument, such as a negative size.
  behind_end, ///< The source of a copy has fewer bytes.
  shutting_down, ///< The worker pool is stopping or destroyed.
};

/// The category of `errc`.
[[nodiscard]] const boost::system::error_category& vfs_category() noexcept;

[[nodiscard]] inline error_code make_error_code(errc value) noexcept {
  return {static_cast<int>(value), vfs_category()};
}

/// Converts an errno to an error_code.
[[nodiscard]] inline error_code from_errno(int value) noexcept {
  return {value, boost::system::system_category()};
}

} // namespace leasebreak::smb::vfs

template <>
struct boost::system::is_error_code_enum<leasebreak::smb::vfs::errc> : std::true_type {};
