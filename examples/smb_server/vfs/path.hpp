// A validated path within a share: it has no forbidden character, no `..` and no leading separator
// (MS-FSCC 2.1.5, MS-FSA 2.1.5.1).
#pragma once

#include "errors.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace leasebreak::smb::vfs {

inline constexpr std::size_t component_bytes_max = 255;
inline constexpr std::size_t path_bytes_max = 4000;
/// The rest of the 255 bytes of an extended attribute's name.
inline constexpr std::size_t stream_name_bytes_max = 232;

/// A path relative to the root of a share, in UTF-8, optionally with a named stream. A value type.
/// It has the names that clients use; `client_names.hpp` says how they differ from the entries on
/// the disk. Equal paths name the same entry.
class path {
public:
  /// The root of the share.
  path() = default;

  /// Parses a client's path: components separated by `\` or `/`, the last one optionally followed
  /// by
  /// `:stream`, `:stream:$DATA`, `::$DATA` or `:$I30:$INDEX_ALLOCATION`. Errors:
  /// `errc::leading_separator`, `dot_component`, `invalid_name`, `name_too_long`, `path_too_long`,
  /// `invalid_stream`.
  [[nodiscard]] static result<path> parse(std::string_view text);

  /// The path of an entry: its components on the disk, separated by `/`.
  [[nodiscard]] static path from_disk(std::string_view text);

  /// Components separated by `/`; empty for the root.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// The same with the names on the disk.
  [[nodiscard]] const std::string& on_disk() const noexcept { return disk_; }

  /// The named stream; empty for the file itself.
  [[nodiscard]] const std::string& stream() const noexcept { return stream_; }

  [[nodiscard]] bool is_root() const noexcept { return name_.empty(); }

  /// Whether the path can only mean a directory: it has a trailing separator or names the index.
  [[nodiscard]] bool names_directory() const noexcept { return names_directory_; }

  /// Whether the path can only mean a file's data: it ends with `::$DATA`.
  [[nodiscard]] bool names_data() const noexcept { return names_data_; }

  /// The last component; empty for the root.
  [[nodiscard]] std::string_view leaf() const noexcept;
  [[nodiscard]] std::string_view leaf_on_disk() const noexcept;

  /// The folder that contains it, without a stream. The root is its own parent.
  [[nodiscard]] path parent() const;

  /// The same path without the stream.
  [[nodiscard]] path base() const;

  friend bool operator==(const path&, const path&) = default;

private:
  error_code take_stream(std::string_view suffix);
  void add(std::string_view on_disk);

  std::string name_;
  std::string disk_;
  std::string stream_;
  bool names_directory_ = false;
  bool names_data_ = false;
};

/// The directory entry that a client's name of one component means. Errors: `errc::invalid_name`,
/// `dot_component`, `name_too_long`, `path_not_found` if it is empty.
[[nodiscard]] result<std::string> to_entry(std::string_view component);

/// Whether an entry of the share's root is the server's own: the files of large streams. Clients
/// neither see it nor name it.
[[nodiscard]] bool is_reserved_in_root(std::string_view name) noexcept;

/// Parses the new name of a stream in a rename: `NAME` or `NAME:$DATA`, with or without a leading
/// colon. An empty result means the file's own data. Errors: `errc::invalid_stream`,
/// `name_too_long`.
[[nodiscard]] result<std::string> parse_stream_name(std::string_view text);

} // namespace leasebreak::smb::vfs
