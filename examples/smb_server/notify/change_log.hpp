// Changes of a directory that some of its watches have not reported yet.
#pragma once

#include <smb_server/wire/notify.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::smb {

/// A change of a name.
struct name_change {
  std::string name; ///< Path with slashes, and stream.
  change_action action{};
  std::uint32_t what = 0; ///< `notify_filter` bits.

  friend bool operator==(const name_change&, const name_change&) = default;
};

/// Shared by all logs that contain the change.
using change_ptr = std::shared_ptr<const name_change>;

/// Stores each change once for all readers. A reader is a position. The log counts the readers at
/// each position, and drops changes that all of them have read. Not thread-safe.
class change_log {
public:
  using position = std::uint64_t;

  /// Adds a reader of future changes.
  [[nodiscard]] position join() noexcept;

  /// Removes a reader.
  void leave(position at) noexcept;

  /// Appends a change. Does nothing if there is no reader, or if the change equals the last one and
  /// no reader has read that.
  void add(change_ptr change);

  /// Whether the reader has unread changes.
  [[nodiscard]] bool has_news(position at) const noexcept { return at != end(); }

  struct news {
    bool lost = false; ///< Unread changes were dropped.
    std::vector<change_ptr> changes;
  };

  /// Returns the reader's unread changes, and moves the reader to the end.
  [[nodiscard]] news take(position& at);

  /// Drops all changes. Readers lose their unread changes.
  void clear() noexcept;

  /// The memory of the changes, each counted with its whole name.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
  struct entry {
    change_ptr change;
    std::size_t readers; ///< Readers whose next change this is.
  };

  [[nodiscard]] position end() const noexcept { return first_ + entries_.size(); }
  void drop_first() noexcept;

  std::deque<entry> entries_;
  position first_ = 0; ///< Position of the first entry.
  std::size_t readers_at_end_ = 0;
  std::size_t bytes_ = 0;
};

/// The memory that a change counts for in each log, even if several logs share it.
[[nodiscard]] std::size_t log_bytes(const name_change& c) noexcept;

} // namespace leasebreak::smb
