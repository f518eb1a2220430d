#include "answer_slot.hpp"

#include "api/coordinator_impl.hpp"
#include "files/file_actor.hpp"

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

// Releases the reference to the file first, because the slot becomes part of the file.
void answer_slot::sent() noexcept {
  const auto file = std::move(file_);
  if (auto look = file->answers().add(*this))
    look_for_answers::send(std::move(look), file);
}

void look_for_answers::act(file_actor& file, std::unique_ptr<file_message>) {
  file.see_answers();
}

void look_for_answers::send(std::unique_ptr<look_for_answers> self, const file_ref& file) noexcept {
  const auto alive = self->owner_.lock();
  message_ptr look = std::move(self);
  if (alive != nullptr)
    static_cast<void>(file->deliver(look));
}

// There are no unsent responses, because each of them would refer to the file.
sent_answers::~sent_answers() {
  give_back(head_.load());
  delete message_.load();
}

std::unique_ptr<look_for_answers> sent_answers::add(answer_slot& answer) noexcept {
  auto* head = head_.load(std::memory_order_acquire);
  do
    answer.next_ = head;
  while (!head_.compare_exchange_weak(
    head, &answer, std::memory_order_acq_rel, std::memory_order_acquire));
  if (head != rest(true))
    return nullptr;
  return std::unique_ptr<look_for_answers>(message_.exchange(nullptr, std::memory_order_acq_rel));
}

answer_slot& sent_answers::expect(file_ref file, const answer_sent& what) {
  auto& slot = own_is_free_ ? own_ : *new answer_slot;
  if (&slot == &own_)
    own_is_free_ = false;
  slot.file_ = std::move(file);
  slot.what_ = what;
  return slot;
}

void sent_answers::give_back(answer_slot* first) noexcept {
  while (is_answer(first)) {
    auto* const each = first;
    first = first->next_;
    if (each == &own_)
      own_is_free_ = true;
    else
      delete each;
  }
}

void answer_slot_release::operator()(answer_slot* slot) const noexcept {
  slot->sent();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
