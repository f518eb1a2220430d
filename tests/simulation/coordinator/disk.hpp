// The files of a simulated server: a tree of names, and the version of each file's content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::simulation {

using inode = std::size_t;

/// A file or directory. The content of a directory is its listing.
struct node {
  bool is_directory = false;
  bool is_gone = false;
  std::uint64_t stored = 0; ///< The version that the server has.
  std::uint64_t newest = 0; ///< The version of the newest write that was completed for its client.
  std::map<std::string, inode, std::less<>> entries;
};

/// The result of resolving a path.
struct place {
  inode directory = 0;
  std::string name;
  std::optional<inode> file; ///< None: the directory has no such name.
};

class disk {
public:
  disk();

  /// Resolves a path. Returns nothing if a directory of the path does not exist.
  [[nodiscard]] std::optional<place> look_up(std::string_view path) const;
  /// Returns the file that currently has this name.
  [[nodiscard]] std::optional<inode> entry(const place& where) const;
  /// Returns the current path of a name in a directory.
  [[nodiscard]] std::string path_of(const place& where) const;
  /// Returns a name of the file, or nothing if it has none.
  [[nodiscard]] std::optional<place> find(inode file) const;
  [[nodiscard]] inode make(bool is_directory);
  void link(const place& where, inode file);
  /// Removes a name. A file without a name is gone.
  void unlink(const place& where);
  /// Replaces the target's name if it exists.
  void rename(const place& from, const place& to);

  [[nodiscard]] node& at(inode i) { return nodes_[i]; }
  [[nodiscard]] const node& at(inode i) const { return nodes_[i]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::uint64_t next_version() { return ++last_version_; }

  /// A file's id for the coordinator.
  [[nodiscard]] static std::string id_of(inode i) { return "file " + std::to_string(i); }

  static constexpr inode root = 0;

private:
  void changed(inode directory);
  void drop_if_unnamed(inode file);

  std::vector<node> nodes_;
  std::uint64_t last_version_ = 0;
};

} // namespace leasebreak::simulation
