// The errors of the file system library: its own, which name what errno cannot tell apart, and
// errno.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>

#include <type_traits>

namespace leasebreak::smb::vfs {

using boost::system::error_code;

/// What a function of the library returns: a value, or why there is none.
template <class T>
using result = boost::system::result<T>;

/// What can go wrong beside what errno says. Errors of a system call that have no entry here keep
/// their errno, in the system category.
enum class errc {
  invalid_name = 1, ///< A forbidden character, invalid UTF-8 or an empty component.
  dot_component, ///< `.` or `..` as a component.
  leading_separator, ///< The path is absolute.
  name_too_long, ///< A component or stream name is longer than the limit.
  path_too_long, ///< The path as a whole is longer than the limit.
  invalid_stream, ///< A stream name or type that cannot be.
  path_not_found, ///< A folder on the way is missing, or is not a folder.
  name_not_found, ///< The folder exists, the name in it does not.
  name_collision, ///< The name exists already.
  is_directory, ///< A file was asked for, a directory is there.
  not_directory, ///< A directory was asked for, a file is there.
  not_served, ///< A symbolic link, device, socket or pipe.
  escapes_root, ///< The path would lead outside the share.
  read_only, ///< The file's READONLY attribute forbids it.
  cannot_delete, ///< The READONLY attribute forbids to delete, or it is the share's root.
  attributes_mismatch, ///< Overwriting a hidden or system file without saying so.
  cannot_replace, ///< The target of a rename or link may not be replaced.
  stream_too_large, ///< A named stream would grow above the limit.
  too_many_streams, ///< The share's limit of named streams of a file.
  streams_not_supported, ///< The file system keeps no extended attributes.
  invalid_attribute_name, ///< Of an extended attribute: empty, too long, or a forbidden character.
  attributes_not_supported, ///< The file system keeps no extended attributes.
  attributes_too_large, ///< The file system has no room for so many in one file.
  too_many_opens, ///< The share's limit of opens.
  too_many_operations, ///< The worker pool's limit of operations in flight.
  name_changed, ///< The names are not what was expected: look at them again.
  keeps_changing, ///< Somebody renames faster than we can look.
  no_access, ///< The open was not made for this kind of access.
  invalid_argument, ///< An argument that makes no sense, such as a negative size.
  behind_end, ///< Fewer bytes are there than are to be copied.
  shutting_down, ///< The worker pool is gone.
};

/// The category of `errc`.
[[nodiscard]] const boost::system::error_category& vfs_category() noexcept;

[[nodiscard]] inline error_code make_error_code(errc value) noexcept {
  return {static_cast<int>(value), vfs_category()};
}

/// An errno as an error_code.
[[nodiscard]] inline error_code from_errno(int value) noexcept {
  return {value, boost::system::system_category()};
}

} // namespace leasebreak::smb::vfs

template <>
struct boost::system::is_error_code_enum<leasebreak::smb::vfs::errc> : std::true_type {};
