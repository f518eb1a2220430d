// Requests for entry guards on their way to the directory's file actor, and those that wait there.
#pragma once

#include "completion/completions.hpp"
#include "completion/operation.hpp"
#include "runtime/message.hpp"

#include <leasebreak/entry_guard.hpp>
#include <leasebreak/model/entry_queue.hpp>

#include <memory>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// A request for a guard. If it is destroyed before completion, it completes with
/// `errc::shutting_down`.
class entry_call final : public file_message, public plain_call<entry_guard> {
public:
  using plain_call<entry_guard>::plain_call;

  void act(file_actor& file, std::unique_ptr<file_message> self) override;

  const operation_id id = operation::next_id();
  guarded_names names;
  guard_id guard{}; ///< While it waits.
};

/// Cancels a waiting request.
class entry_cancellation final : public file_message {
public:
  explicit entry_cancellation(operation_id target) : target_(target) {}
  void act(file_actor& file, std::unique_ptr<file_message> self) override;

private:
  operation_id target_;
};

/// The guards of one directory. A part of its file actor.
class directory_guards {
public:
  explicit directory_guards(std::size_t guards_max) : queue_(guards_max) {}

  void ask(file_actor& file, std::unique_ptr<entry_call> call);
  void end(file_actor& file, guard_id id);
  /// Returns whether the request was waiting.
  bool cancel(file_actor& file, operation_id target);
  /// Completes all waiting requests with an error.
  void refuse_waiting(file_actor& file, errc error);

  [[nodiscard]] bool empty() const noexcept { return queue_.empty(); }
  [[nodiscard]] bool any_wait() const noexcept { return !waiting_.empty(); }

private:
  using call_list = std::vector<std::unique_ptr<entry_call>>;

  void give(file_actor& file, const std::vector<guard_id>& held);
  [[nodiscard]] std::unique_ptr<entry_call> take(file_actor& file, guard_id id);
  [[nodiscard]] std::unique_ptr<entry_call> take(file_actor& file, call_list::iterator which);

  entry_queue queue_;
  call_list waiting_; ///< Ordered by the ids of their guards.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
