// Keeps caching off while a file is changed.
#pragma once

#include <leasebreak/model/ids.hpp>

#include <memory>
#include <utility>

namespace leasebreak {

namespace detail {
class file_link;
}

/// Stands for a change of a file that has been announced and is not made yet. While it lives,
/// nobody is granted caching that the change would make stale, and a file that is being deleted
/// admits no opens. Let go of it, with `release` or by destroying it, once the change is made or
/// given up.
///
/// Movable only. An empty hold does nothing. One object is for one thread at a time; distinct
/// objects are independent. Lifetime: it may be released and destroyed at any time, also after the
/// coordinator's destructor, when that does nothing; it keeps some memory of its file alive.
class hold {
public:
  hold() noexcept = default;
  hold(std::shared_ptr<detail::file_link> link, hold_id id) noexcept;
  hold(hold&& other) noexcept = default;
  hold& operator=(hold&& other) noexcept {
    if (this != &other) {
      release();
      link_ = std::move(other.link_);
      id_ = other.id_;
    }
    return *this;
  }
  hold(const hold&) = delete;
  hold& operator=(const hold&) = delete;
  ~hold() { release(); }

  /// Ends it. Never waits.
  void release() noexcept {
    if (link_ != nullptr)
      end();
  }

  /// Whether there is something to end.
  [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }

private:
  void end() noexcept;

  std::shared_ptr<detail::file_link> link_;
  hold_id id_{};
};

} // namespace leasebreak
