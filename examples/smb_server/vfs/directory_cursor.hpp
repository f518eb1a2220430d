// A directory listing that is read in batches and can be resumed.
#pragma once

#include "errors.hpp"
#include "types.hpp"
#include "wildcard.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::smb::vfs {

/// Lists `.`, `..` and then the entries in the order of the file system. An entry that exists
/// during the whole listing is listed exactly once; one that is created or removed meanwhile may be
/// listed or not. Omits symbolic links and devices. Blocks on the disk. Thread-safe; calls are
/// serialised.
class directory_cursor {
public:
  /// Called by `share::list`, which has counted the listing.
  directory_cursor(open_ptr directory, int fd, std::string pattern, bool ignore_case);
  ~directory_cursor();
  directory_cursor(const directory_cursor&) = delete;
  directory_cursor& operator=(const directory_cursor&) = delete;

  /// Returns up to `count` further entries; `count` is limited to 1 to
  /// `share_options::list_batch_max`. Returns fewer at the end of the listing, or after
  /// `share_options::list_names_max` names; `list_batch::end` distinguishes the two.
  [[nodiscard]] result<list_batch> next(std::size_t count);

  /// Continues from an entry's `after`, or from the start with a default position.
  error_code seek(list_position position);

  /// Restarts with another pattern (SMB2_RESTART_SCANS, SMB2_REOPEN).
  error_code restart(std::string pattern);

  [[nodiscard]] const open_ptr& directory() const noexcept { return directory_; }

private:
  error_code seek_locked(list_position position);
  error_code fill();
  result<list_batch> single();
  [[nodiscard]] bool is_root() const;
  [[nodiscard]] bool is_hidden(std::string_view name) const;
  void add_dots(list_batch& batch, std::size_t count);
  error_code add(
    list_batch& batch, const std::string& name, std::string shown, list_position after);

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
