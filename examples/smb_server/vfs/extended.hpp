// Data in extended attributes: DOS attributes, times that POSIX lacks, named streams. Private.
#pragma once

#include "errors.hpp"
#include "types.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::smb::vfs::detail {

struct share_core;

inline constexpr const char* attributes_name = "user.leasebreak.attributes";
inline constexpr const char* stream_prefix = "user.leasebreak.stream.";

/// The record in `user.leasebreak.attributes`: a version byte, then little-endian.
struct dos_record {
  std::uint32_t attributes = 0;
  std::optional<file_time> creation_time;
  /// Set by a client. Valid while the file's own change time is not later than `change_until`.
  std::optional<file_time> change_time;
  file_time change_until{};

  [[nodiscard]] std::vector<std::uint8_t> encode() const;
  /// Returns nothing if the record is malformed or of a newer version; the file has the defaults
  /// then.
  [[nodiscard]] static std::optional<dos_record> decode(std::span<const std::uint8_t> bytes);
};

/// Loads the record of a file by descriptor, or by path without following a symbolic link at its
/// end.
[[nodiscard]] std::optional<dos_record> load_record(int fd);
[[nodiscard]] std::optional<dos_record> load_record(const std::string& path);

/// Errors: EOPNOTSUPP if the file system has no extended attributes, other errno.
error_code store_record(int fd, const dos_record& record);

/// The attribute of a named stream, as it is on the disk; `streams.hpp` has its meaning. Errors:
/// `errc::name_not_found`, errno.
[[nodiscard]] result<std::vector<std::uint8_t>> load_stream_value(int fd, const std::string& name);

/// With `create` it must not exist, with `replace` it must exist. Errors: `errc::name_collision`,
/// `name_not_found`, `streams_not_supported`, `stream_too_large`, errno.
enum class stream_write { any, create, replace };
error_code store_stream_value(int fd, const std::string& name, std::span<const std::uint8_t> bytes,
  stream_write how = stream_write::any);
error_code remove_stream_value(int fd, const std::string& name);

/// Lists the names of the extended attributes that begin with `prefix`, without it, sorted. Returns
/// none if the file system has no extended attributes.
[[nodiscard]] result<std::vector<std::string>> list_names(int fd, std::string_view prefix);

/// Loads an extended attribute by its whole name. Errors: errno.
[[nodiscard]] result<std::vector<std::uint8_t>> load_attribute(int fd, const std::string& name);
error_code store_attribute(int fd, const std::string& name, std::span<const std::uint8_t> value);
error_code remove_attribute(int fd, const std::string& name);

/// `open_file::set_extended_attributes` for a descriptor.
error_code set_attributes(
  share_core& core, int fd, std::uint64_t inode, std::span<const extended_attribute> wanted);

/// Lists the named streams, sorted. Returns none if the file system has no extended attributes.
[[nodiscard]] result<std::vector<std::string>> list_streams(int fd);

} // namespace leasebreak::smb::vfs::detail
