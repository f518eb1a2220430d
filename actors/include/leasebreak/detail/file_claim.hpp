// The common base of change holds and entry guards: something of a file that a server owns for a
// while.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>

#include <memory>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT detail {

class file_link;

/// Ends the hold or guard `Id` when it is released or destroyed.
template <class Id>
class file_claim {
public:
  file_claim() noexcept = default;
  /// For the library only.
  file_claim(std::shared_ptr<file_link> link, Id id) noexcept : link_(std::move(link)), id_(id) {}
  /// Moves the hold or guard. The source is empty afterwards.
  file_claim(file_claim&& other) noexcept = default;
  /// Releases the current hold or guard, and moves `other`, which is empty afterwards.
  file_claim& operator=(file_claim&& other) noexcept {
    if (this != &other) {
      release();
      link_ = std::move(other.link_);
      id_ = other.id_;
    }
    return *this;
  }
  file_claim(const file_claim&) = delete;
  file_claim& operator=(const file_claim&) = delete;
  ~file_claim() { release(); }

  /// Ends the hold or guard. Never waits.
  void release() noexcept {
    if (link_ != nullptr)
      end();
  }

  /// Returns whether there is something to release.
  [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }

private:
  void end() noexcept;

  std::shared_ptr<file_link> link_;
  Id id_{};
};

extern template class file_claim<hold_id>;
extern template class file_claim<guard_id>;

} // namespace detail
} // namespace leasebreak::LEASEBREAK_INLINE_ABI
