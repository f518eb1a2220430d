// The files of a simulated server: a tree of names, and of each file which version it has.
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

/// Of a directory, its content is what a listing shows.
struct node {
  bool is_directory = false;
  bool is_gone = false;
  std::uint64_t stored = 0; ///< The version that the server has.
  std::uint64_t newest = 0; ///< That of the newest write that is completed for whoever made it.
  std::map<std::string, inode, std::less<>> entries;
};

/// What a path leads to.
struct place {
  inode directory = 0;
  std::string name;
  std::optional<inode> file; ///< None: the directory has no such name.
};

class disk {
public:
  disk();

  /// Nothing if a directory on the way does not exist.
  [[nodiscard]] std::optional<place> look_up(std::string_view path) const;
  /// What a name in a directory means now.
  [[nodiscard]] std::optional<inode> entry(const place& where) const;
  /// How a name in a directory is reached now.
  [[nodiscard]] std::string path_of(const place& where) const;
  /// Where a file is now. Nothing: it has no name.
  [[nodiscard]] std::optional<place> find(inode file) const;
  [[nodiscard]] inode make(bool is_directory);
  void link(const place& where, inode file);
  /// Takes a name away; a file without a name is gone.
  void unlink(const place& where);
  /// The target's name, if there is one, is replaced.
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
