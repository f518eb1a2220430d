// Keeps caching off while a file is changed.
#pragma once

#include <leasebreak/model/ids.hpp>

#include <memory>

namespace leasebreak {

namespace detail {
class hold_target;
}

/// Stands for a change of a file that has been announced and is not made yet. While it lives,
/// nobody is granted caching that the change would make stale, and a file that is being deleted
/// admits no opens. Let go of it, with `release` or by destroying it, once the change is made or
/// given up.
///
/// Movable only. An empty hold does nothing. May outlive the coordinator. One object is for one
/// thread at a time; distinct objects are independent.
class hold {
public:
  hold() noexcept = default;
  hold(std::shared_ptr<detail::hold_target> target, hold_id id) noexcept;
  hold(hold&& other) noexcept;
  hold& operator=(hold&& other) noexcept;
  hold(const hold&) = delete;
  hold& operator=(const hold&) = delete;
  ~hold();

  /// Ends it. Never waits.
  void release() noexcept;

  /// Whether there is something to end.
  [[nodiscard]] explicit operator bool() const noexcept { return target_ != nullptr; }

private:
  std::shared_ptr<detail::hold_target> target_;
  hold_id id_{};
};

} // namespace leasebreak
