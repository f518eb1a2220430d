// The changes of a directory that some of those who watch it have not been told yet.
#pragma once

#include <smb_server/wire/notify.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::smb {

/// What happened to a name.
struct name_change {
  std::string name; ///< Its path, with slashes, and its stream.
  change_action action{};
  std::uint32_t what = 0; ///< `notify_filter` bits.

  friend bool operator==(const name_change&, const name_change&) = default;
};

/// All logs that have a change share it.
using change_ptr = std::shared_ptr<const name_change>;

/// Has each change once, however many readers there are. A reader is a position; the log counts the
/// readers of each position and drops what all of them have read. Not thread-safe.
class change_log {
public:
  using position = std::uint64_t;

  /// A reader of the changes from now on.
  [[nodiscard]] position join() noexcept;

  /// The reader is gone.
  void leave(position at) noexcept;

  /// Appends a change, unless nobody would read it, or it is the same again as the last one, which
  /// nobody has read.
  void add(change_ptr change);

  /// Whether a reader has something to take.
  [[nodiscard]] bool has_news(position at) const noexcept { return at != end(); }

  struct news {
    bool lost = false; ///< There was more than was kept.
    std::vector<change_ptr> changes;
  };

  /// What the reader has not read, which it has then.
  [[nodiscard]] news take(position& at);

  /// Drops all changes. Readers lose those that they have not read.
  void clear() noexcept;

  /// What the changes take, each with all of its name.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
  struct entry {
    change_ptr change;
    std::size_t readers; ///< Whose next change this is.
  };

  [[nodiscard]] position end() const noexcept { return first_ + entries_.size(); }
  void drop_first() noexcept;

  std::deque<entry> entries_;
  position first_ = 0; ///< Of the first entry.
  std::size_t readers_at_end_ = 0;
  std::size_t bytes_ = 0;
};

/// What a change takes in a log, however many have it.
[[nodiscard]] std::size_t log_bytes(const name_change& c) noexcept;

} // namespace leasebreak::smb
