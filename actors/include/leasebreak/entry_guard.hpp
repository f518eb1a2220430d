// Keeps the entries of a directory as they are while one is looked at and changed.
#pragma once

#include <leasebreak/model/ids.hpp>

#include <memory>
#include <utility>

namespace leasebreak {

namespace detail {
class file_link;
}

/// Stands for the right to change one entry of a directory, or two, or to say whether the directory
/// is empty; see `coordinator::async_guard_entry`. Nobody else has a guard of the same name
/// meanwhile. Let go of it, with `release` or by destroying it, when the change is made.
///
/// Movable only. An empty one does nothing. May outlive the coordinator. One object is for one
/// thread at a time; distinct objects are independent.
class entry_guard {
public:
  entry_guard() noexcept = default;
  entry_guard(std::shared_ptr<detail::file_link> link, guard_id id) noexcept;
  entry_guard(entry_guard&& other) noexcept = default;
  entry_guard& operator=(entry_guard&& other) noexcept {
    if (this != &other) {
      release();
      link_ = std::move(other.link_);
      id_ = other.id_;
    }
    return *this;
  }
  entry_guard(const entry_guard&) = delete;
  entry_guard& operator=(const entry_guard&) = delete;
  ~entry_guard() { release(); }

  /// Lets the next one have the entry. Never waits.
  void release() noexcept {
    if (link_ != nullptr)
      end();
  }

  /// Whether there is something to release.
  [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }

private:
  void end() noexcept;

  std::shared_ptr<detail::file_link> link_;
  guard_id id_{};
};

} // namespace leasebreak
