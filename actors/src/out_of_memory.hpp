// What happens when memory is short where an operation cannot be refused any more.
//
// An initiating function throws `std::bad_alloc`, and nothing has changed. What comes after that,
// the turns of actors and the calls of handlers, cannot tell anybody: what a client holds would be
// known no longer, and others would be given it. So it ends the process, and says so.
#pragma once

#include <exception>
#include <new>

namespace leasebreak::detail {

/// Ends the process with one line on the standard error output. Needs no memory.
[[noreturn]] void end_without_memory(const char* where) noexcept;

/// Calls `f`, which cannot do without memory. `where` is for the line that says so.
template <class Function>
auto needs_memory(const char* where, Function f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    end_without_memory(where);
  }
}

/// Stands for an initiating function on this thread. If that throws, what it has made of the
/// operation goes without calling the handler.
class initiating {
public:
  initiating() noexcept : exceptions_(std::uncaught_exceptions()), outer_(current_) {
    current_ = this;
  }
  ~initiating() { current_ = outer_; }
  initiating(const initiating&) = delete;
  initiating& operator=(const initiating&) = delete;

  /// Whether one is being left by an exception.
  [[nodiscard]] static bool has_failed() noexcept {
    return current_ != nullptr && std::uncaught_exceptions() > current_->exceptions_;
  }

private:
  static thread_local initiating* current_;
  int exceptions_;
  initiating* outer_;
};

} // namespace leasebreak::detail
