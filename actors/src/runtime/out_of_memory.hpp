// The behavior when memory is exhausted and an operation can no longer be refused.
//
// An initiating function throws `std::bad_alloc` without effect. Later, in the turns of actors and
// the calls of handlers, there is nowhere to report it: the state of a client would be lost, and
// what it holds would be granted to others. The process is therefore ended with a message.
#pragma once

#include <leasebreak/model/export.hpp>

#include <exception>
#include <new>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Ends the process with one line on the standard error output. Needs no memory.
[[noreturn]] void end_without_memory(const char* where) noexcept;

/// Calls `f`, whose allocations must not fail. `where` is for the message.
template <class Function>
auto needs_memory(const char* where, Function f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    end_without_memory(where);
  }
}

/// Marks an initiating function on this thread. If that throws, the operation is destroyed without
/// calling its handler.
class initiating {
public:
  initiating() noexcept : exceptions_(std::uncaught_exceptions()), outer_(current_) {
    current_ = this;
  }
  ~initiating() { current_ = outer_; }
  initiating(const initiating&) = delete;
  initiating& operator=(const initiating&) = delete;

  /// Returns whether an initiating function is being left by an exception.
  [[nodiscard]] static bool has_failed() noexcept {
    return current_ != nullptr && std::uncaught_exceptions() > current_->exceptions_;
  }

private:
  static thread_local initiating* current_;
  int exceptions_;
  initiating* outer_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
