// The paths of opens. Reconnecting clients name files by path, and records contain paths.
#pragma once

#include <smb_server/opens/open.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leasebreak::smb {

/// The current paths of all opens, which follow the server's renames. Thread-safe.
class open_paths {
public:
  /// `path` is the path of the file, with slashes and without a stream.
  void add(const open& o, const void* share, const std::string& path);
  void remove(const open& o);

  /// Returns the current path of the open's file, or an empty string if it was not added.
  [[nodiscard]] std::string path_of(const open& o) const;

  /// Returns the stored states of the persistent opens of a path.
  [[nodiscard]] std::vector<std::shared_ptr<stored_state>> stored_at(
    const void* share, const std::string& path) const;

  /// A file or directory was renamed, and with it everything below.
  void rename(const void* share, const std::string& from, const std::string& to);

private:
  using place = std::pair<const void*, std::string>;

  struct entry {
    const open* key = nullptr;
    std::shared_ptr<stored_state> stored;
  };

  using table = std::multimap<place, entry>;

  void move(const place& from, const place& to);

  mutable std::mutex mutex_;
  table by_place_;
  std::unordered_map<const open*, table::iterator> places_;
};

} // namespace leasebreak::smb
