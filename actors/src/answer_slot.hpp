// What stands for an answer that the server has not sent yet, and how its file learns that it has.
#pragma once

#include "client.hpp"
#include "operation.hpp"

#include <leasebreak/model/commands.hpp>
#include <leasebreak/pending_answer.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

namespace leasebreak::detail {

class coordinator_impl;
class sent_answers;

/// The answer to an open. When it is sent, it becomes an entry of the file's `sent_answers`, so
/// that this allocates nothing. Belongs to the server until it is sent, and to the file from then
/// on.
class answer_slot {
public:
  /// The answer is sent, or will never be. Any thread.
  void sent() noexcept;

private:
  friend class sent_answers;

  file_ref file_; ///< While it is the server's.
  answer_sent what_;
  answer_slot* next_ = nullptr; ///< See `sent_answers`.
};

/// Has a file look at the answers that are sent.
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

/// The answers of a file that are sent, and that it has not seen yet.
///
/// The file looks here before each of its commands, so that an answer that nothing waits for costs
/// no message and no turn. While the file holds breaks back, the first answer after each look also
/// wakes it: with a message that the file has made before, since whoever sends an answer must not
/// need memory.
class sent_answers {
public:
  sent_answers() = default;
  ~sent_answers();
  sent_answers(const sent_answers&) = delete;
  sent_answers& operator=(const sent_answers&) = delete;

  // -- any thread

  /// Keeps the answer until the file looks. Returns the message that the file is to be sent, if it
  /// wants one.
  [[nodiscard]] std::unique_ptr<look_for_answers> add(answer_slot& answer) noexcept;

  // -- the file's turn

  /// An answer that is to be sent. `file` is the one that this belongs to.
  [[nodiscard]] answer_slot& expect(file_ref file, const answer_sent& what);

  /// Calls `seen` with each. If `owner` is given, the next one that is added has a message for the
  /// file.
  template <class Function>
  void look(const std::weak_ptr<coordinator_impl>* owner, Function seen) {
    // Before the head is read: who adds takes the message after that, so that either it is here, or
    // what was added is seen below.
    if (owner != nullptr && message_.load(std::memory_order_acquire) == nullptr)
      message_.store(new look_for_answers(*owner), std::memory_order_release);
    auto* const left = rest(owner != nullptr);
    if (head_.load(std::memory_order_acquire) == left)
      return;
    chain all{*this, head_.exchange(left, std::memory_order_acq_rel)};
    for (const answer_slot* each = all.first; is_answer(each); each = each->next_)
      seen(each->what_);
  }

  /// Whether nothing was added that has not been seen.
  [[nodiscard]] bool is_empty() const noexcept {
    return !is_answer(head_.load(std::memory_order_relaxed));
  }

private:
  /// Gives them back.
  struct chain {
    ~chain() { owner.give_back(first); }
    sent_answers& owner;
    answer_slot* first;
  };

  // What the head is when it is no answer.
  static constexpr std::uintptr_t none = 0;
  static constexpr std::uintptr_t wanted = 1; ///< The file wants a message of the next one.

  [[nodiscard]] static answer_slot* rest(bool wants_message) noexcept {
    return reinterpret_cast<answer_slot*>(wants_message ? wanted : none);
  }
  [[nodiscard]] static bool is_answer(const answer_slot* head) noexcept {
    return reinterpret_cast<std::uintptr_t>(head) > wanted;
  }
  void give_back(answer_slot* first) noexcept;

  std::atomic<answer_slot*> head_{nullptr}; ///< Newest first.
  std::atomic<look_for_answers*> message_{nullptr};
  answer_slot own_; ///< Most files have one answer at a time, which so needs no memory of its own.
  bool own_is_free_ = true;
};

} // namespace leasebreak::detail
