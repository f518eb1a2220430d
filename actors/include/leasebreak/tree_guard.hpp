// Keeps what is beneath a directory closed while the directory gets another name.
#pragma once

#include <memory>
#include <utility>

namespace leasebreak {

namespace detail {
class tree_link;
}

/// Stands for the right to rename a directory; see `coordinator::async_rename_tree`. Nothing
/// beneath it is open by a path, and opens beneath wait. Let go of it, with `release` or by
/// destroying it, when the rename is made and told, or given up.
///
/// Movable only. An empty one does nothing. May outlive the coordinator. One object is for one
/// thread at a time; distinct objects are independent.
class tree_guard {
public:
  tree_guard() noexcept = default;
  explicit tree_guard(std::shared_ptr<detail::tree_link> link) noexcept : link_(std::move(link)) {}
  tree_guard(tree_guard&&) noexcept = default;
  tree_guard& operator=(tree_guard&&) noexcept = default;
  tree_guard(const tree_guard&) = delete;
  tree_guard& operator=(const tree_guard&) = delete;
  ~tree_guard() = default;

  /// Lets opens beneath go on: their names are then to be looked up again. Never waits.
  void release() noexcept { link_.reset(); }

  /// Whether there is something to release.
  [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }

private:
  std::shared_ptr<detail::tree_link> link_;
};

} // namespace leasebreak
