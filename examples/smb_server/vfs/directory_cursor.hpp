// A directory listing that is taken in batches and can be resumed.
#pragma once

#include "errors.hpp"
#include "types.hpp"
#include "wildcard.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace leasebreak::smb::vfs {

/// Lists `.`, `..` and then the entries in the order of the file system. An entry that is there
/// from the first batch to the last is listed exactly once; one that comes or goes meanwhile may be
/// listed or not. Symbolic links, devices, and names that no client could send are left out.
/// Blocks on the disk; may be called from any thread, one call at a time is carried out.
class directory_cursor {
public:
  /// Made by `share::list`, which has counted it.
  directory_cursor(open_ptr directory, int fd, std::string pattern, bool ignore_case);
  ~directory_cursor();
  directory_cursor(const directory_cursor&) = delete;
  directory_cursor& operator=(const directory_cursor&) = delete;

  /// At most `count` more entries (at least one is tried, at most `share_options::list_batch_max`).
  /// Fewer than asked for, or none, at the end or if `share_options::list_names_max` names have
  /// been looked at: `list_batch::end` tells which.
  [[nodiscard]] result<list_batch> next(std::size_t count);

  /// Goes on from a position that an entry had as `after`; a default one is the start.
  error_code seek(list_position position);

  /// Another pattern, from the start (SMB2_RESTART_SCANS, SMB2_REOPEN).
  error_code restart(std::string pattern);

  [[nodiscard]] const open_ptr& directory() const noexcept { return directory_; }

private:
  error_code seek_locked(list_position position);
  error_code fill();
  result<list_batch> single();
  void add_dots(list_batch& batch, std::size_t count);
  error_code add(list_batch& batch, const std::string& name, list_position after);

  std::mutex mutex_;
  open_ptr directory_;
  int fd_;
  std::string pattern_;
  wildcard matcher_;
  bool ignore_case_;
  bool single_ = false; ///< The pattern is a plain name.
  list_position position_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  std::size_t size_ = 0;
};

using cursor_ptr = std::shared_ptr<directory_cursor>;

} // namespace leasebreak::smb::vfs
