// The guard that keeps everything beneath a directory closed while the directory is renamed.
#pragma once

#include <leasebreak/model/export.hpp>

#include <memory>
#include <utility>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

namespace detail {
class tree_link;
}

/// The right to rename a directory; see `coordinator::async_rename_tree`. While it lives, nothing
/// beneath the directory is open by a path, and new opens beneath it wait. End it with `release` or
/// by destroying it after the rename is made and reported, or abandoned.
///
/// Movable only. An empty guard does nothing. May outlive the coordinator. One thread at a time may
/// use an object; distinct objects are independent.
class tree_guard {
public:
  tree_guard() noexcept = default;
  /// For the library only.
  explicit tree_guard(std::shared_ptr<detail::tree_link> link) noexcept : link_(std::move(link)) {}
  tree_guard(tree_guard&&) noexcept = default;
  tree_guard& operator=(tree_guard&&) noexcept = default;
  tree_guard(const tree_guard&) = delete;
  tree_guard& operator=(const tree_guard&) = delete;
  ~tree_guard() = default;

  /// Resumes opens beneath the directory, whose names must then be looked up again. Never waits.
  void release() noexcept { link_.reset(); }

  /// Returns whether there is something to release.
  [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }

private:
  std::shared_ptr<detail::tree_link> link_;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
