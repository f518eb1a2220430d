// Outstanding responses, and how their file learns that they are sent.
#pragma once

#include "clients/client.hpp"
#include "operation.hpp"

#include <leasebreak/model/commands.hpp>
#include <leasebreak/pending_answer.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class coordinator_impl;
class sent_answers;

/// The response to an open or a directory change. When it is sent, it becomes an entry of the
/// file's `sent_answers`, without an allocation. It belongs to the server until then, and to the
/// file afterwards.
class LEASEBREAK_HIDDEN answer_slot {
public:
  /// The response is sent, or will never be. Thread-safe.
  void sent() noexcept;

private:
  friend class sent_answers;

  file_ref file_; ///< While the server owns it.
  answer_sent what_;
  answer_slot* next_ = nullptr; ///< See `sent_answers`.
};

/// Makes a file process the responses that were sent.
class look_for_answers final : public file_message {
public:
  explicit look_for_answers(std::weak_ptr<coordinator_impl> owner) noexcept
    : owner_(std::move(owner)) {}

  void act(file_actor& file, std::unique_ptr<file_message> self) override;

  /// Sends `self`, unless the coordinator is gone.
  static void send(std::unique_ptr<look_for_answers> self, const file_ref& file) noexcept;

private:
  std::weak_ptr<coordinator_impl> owner_;
};

/// The responses of a file that were sent and that it has not processed yet.
///
/// The file checks this list before each of its commands, so that a response costs neither a
/// message nor a turn if nothing waits for it. While the file holds breaks back, the first response
/// after each check also wakes it. The message for that is allocated in advance by the file,
/// because sending a response must not allocate.
class sent_answers {
public:
  sent_answers() = default;
  ~sent_answers();
  sent_answers(const sent_answers&) = delete;
  sent_answers& operator=(const sent_answers&) = delete;

  // -- thread-safe

  /// Adds a response. Returns the message to send to the file, if it wants one.
  [[nodiscard]] std::unique_ptr<look_for_answers> add(answer_slot& answer) noexcept;

  // -- in the file's turn

  /// Returns a slot for an outstanding response. `file` is the owner of this object.
  [[nodiscard]] answer_slot& expect(file_ref file, const answer_sent& what);

  /// Calls `seen` for each response. If `owner` is given, the next response that is added gets a
  /// message for the file.
  template <class Function>
  void look(const std::weak_ptr<coordinator_impl>* owner, Function seen) {
    // Store the message before the head is read. `add` takes the message after it has changed the
    // head; thus either it finds the message, or its response is seen below.
    if (owner != nullptr && message_.load(std::memory_order_acquire) == nullptr)
      message_.store(new look_for_answers(*owner), std::memory_order_release);
    auto* const left = rest(owner != nullptr);
    if (head_.load(std::memory_order_acquire) == left)
      return;
    chain all{*this, head_.exchange(left, std::memory_order_acq_rel)};
    for (const answer_slot* each = all.first; is_answer(each); each = each->next_)
      seen(each->what_);
  }

  /// Returns whether every response has been processed.
  [[nodiscard]] bool is_empty() const noexcept {
    return !is_answer(head_.load(std::memory_order_relaxed));
  }

private:
  /// Returns the slots to their list.
  struct chain {
    ~chain() { owner.give_back(first); }
    sent_answers& owner;
    answer_slot* first;
  };

  // Values of the head that are not a response.
  static constexpr std::uintptr_t none = 0;
  static constexpr std::uintptr_t wanted = 1; ///< The file wants a message for the next response.

  [[nodiscard]] static answer_slot* rest(bool wants_message) noexcept {
    return reinterpret_cast<answer_slot*>(wants_message ? wanted : none);
  }
  [[nodiscard]] static bool is_answer(const answer_slot* head) noexcept {
    return reinterpret_cast<std::uintptr_t>(head) > wanted;
  }
  void give_back(answer_slot* first) noexcept;

  std::atomic<answer_slot*> head_{nullptr}; ///< Newest first.
  std::atomic<look_for_answers*> message_{nullptr};
  /// Most files have one outstanding response at a time, which needs no allocation then.
  answer_slot own_;
  bool own_is_free_ = true;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
