// Where opens are: clients that come back name their files by paths, and records keep them.
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

/// The paths of all opens. Follows the renames that the server makes. May be used from any thread.
class open_paths {
public:
  /// `path` is the file's, with slashes and without a stream.
  void add(const open& o, const void* share, const std::string& path);
  void remove(const open& o);

  /// The file's path, as `add` was told and renames have changed it; empty if it is not here.
  [[nodiscard]] std::string path_of(const open& o) const;

  /// What is stored of the persistent opens of this path.
  [[nodiscard]] std::vector<std::shared_ptr<stored_state>> stored_at(
    const void* share, const std::string& path) const;

  /// A file or directory has another name now, and with it all that is beneath.
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
