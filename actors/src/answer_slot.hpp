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

/// The answer to an open. When it is sent, it becomes an entry of the file's `sent_answers`, so
/// that this allocates nothing.
class answer_slot {
public:
  answer_slot(
    std::weak_ptr<coordinator_impl> owner, file_ref file, const answer_sent& what) noexcept
    : owner_(std::move(owner)), file_(std::move(file)), what_(what) {}

  /// The answer is sent, or will never be. `self` is this. Any thread.
  static void sent(std::unique_ptr<answer_slot> self) noexcept;

  [[nodiscard]] const answer_sent& what() const noexcept { return what_; }

private:
  friend class sent_answers;

  std::weak_ptr<coordinator_impl> owner_;
  file_ref file_;
  answer_sent what_;
  answer_slot* next_ = nullptr; ///< See `sent_answers`.
};

/// Has a file look at the answers that are sent.
class look_for_answers final : public file_message {
public:
  void act(file_actor& file, std::unique_ptr<file_message> self) override;
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
  [[nodiscard]] std::unique_ptr<look_for_answers> add(std::unique_ptr<answer_slot> answer) noexcept;

  // -- the file's turn

  /// Calls `seen` with each. If `wants_message`, the next one that is added has a message for the
  /// file.
  template <class Function>
  void look(bool wants_message, Function seen) {
    // Before the head is read: who adds takes the message after that, so that either it is here, or
    // what was added is seen below.
    if (wants_message && message_.load(std::memory_order_acquire) == nullptr)
      message_.store(new look_for_answers, std::memory_order_release);
    if (head_.load(std::memory_order_acquire) == rest(wants_message))
      return;
    const chain all{head_.exchange(rest(wants_message), std::memory_order_acq_rel)};
    for (const answer_slot* each = all.first; is_answer(each); each = each->next_)
      seen(each->what());
  }

private:
  /// Destroys them.
  struct chain {
    ~chain() { destroy(first); }
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
  static void destroy(answer_slot* first) noexcept;

  std::atomic<answer_slot*> head_{nullptr}; ///< Newest first.
  std::atomic<look_for_answers*> message_{nullptr};
};

} // namespace leasebreak::detail
