// Which files are open beneath a directory: it cannot be renamed while there are any.
#pragma once

#include <smb_server/open.hpp>

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

  /// The files, each once, of all opens beneath a directory, itself not among them.
  [[nodiscard]] std::vector<file_name_id> beneath(
    const void* share, const std::string& directory) const;

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
    file_name_id file;
    std::shared_ptr<stored_state> stored;
  };

  using table = std::multimap<place, entry>;

  void move(const place& from, const place& to);

  mutable std::mutex mutex_;
  table by_place_;
  std::unordered_map<const open*, table::iterator> places_;
};

} // namespace leasebreak::smb
