// See answer_slot.hpp.
#include "answer_slot.hpp"

#include "coordinator_impl.hpp"
#include "file_actor.hpp"

#include <utility>

namespace leasebreak::detail {

// What it refers to is given up first: it becomes part of the file.
void answer_slot::sent(std::unique_ptr<answer_slot> self) noexcept {
  const auto file = std::move(self->file_);
  const auto owner = std::move(self->owner_);
  message_ptr look = file->answers().add(std::move(self));
  if (look == nullptr)
    return;
  if (const auto alive = owner.lock())
    static_cast<void>(file->deliver(look));
}

void look_for_answers::act(file_actor& file, std::unique_ptr<file_message>) {
  file.see_answers();
}

sent_answers::~sent_answers() {
  destroy(head_.load());
  delete message_.load();
}

std::unique_ptr<look_for_answers> sent_answers::add(std::unique_ptr<answer_slot> answer) noexcept {
  auto* head = head_.load(std::memory_order_acquire);
  do
    answer->next_ = head;
  while (!head_.compare_exchange_weak(
    head, answer.get(), std::memory_order_acq_rel, std::memory_order_acquire));
  static_cast<void>(answer.release());
  if (head != rest(true))
    return nullptr;
  return std::unique_ptr<look_for_answers>(message_.exchange(nullptr, std::memory_order_acq_rel));
}

void sent_answers::destroy(answer_slot* first) noexcept {
  while (is_answer(first)) {
    const std::unique_ptr<answer_slot> each(first);
    first = first->next_;
  }
}

void answer_slot_release::operator()(answer_slot* slot) const noexcept {
  answer_slot::sent(std::unique_ptr<answer_slot>(slot));
}

} // namespace leasebreak::detail
