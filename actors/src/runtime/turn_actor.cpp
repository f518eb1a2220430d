// The mailbox is a stack that a turn takes as a whole and reverses. Its head also tells whether the
// actor is idle. A single compare-and-swap thus delivers a message and determines whether the
// sender must schedule the actor.
#include "turn_actor.hpp"

#include "out_of_memory.hpp"
#include "thread_sanitizer.hpp"

#include <thread>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class turn_actor::timeout_message final : public message {
public:
  timeout_message() { is_timeout_ = true; }
};

namespace {

// Publishes this thread's accesses to an actor before it releases the actor; see
// `no_longer_referenced`.
void leave_mark([[maybe_unused]] std::atomic<int>& where) noexcept {
#ifdef LEASEBREAK_THREAD_SANITIZER
  where.fetch_add(0, std::memory_order_release);
#endif
}

} // namespace

turn_actor::turn_actor(caf::actor_config& config, turn_scheduler& scheduler)
  : caf_actor(config), scheduler_(scheduler), head_(tag(idle)) {}

turn_actor::~turn_actor() {
  while (next_message() != nullptr) {
    // Destroying a message is enough: its operation completes.
  }
  auto* m = head_.load(std::memory_order_acquire);
  while (!is_tag(m)) {
    const message_ptr owned{m};
    m = m->next_;
  }
}

// CAF's reference count orders all accesses of other threads before the end of the actor.
// ThreadSanitizer does not see that, because CAF is not instrumented. It sees the order here: every
// thread that sent a message or ran a turn has left a mark on one of these variables.
void turn_actor::no_longer_referenced() noexcept {
  static_cast<void>(inside_.load(std::memory_order_acquire));
  static_cast<void>(head_.load(std::memory_order_acquire));
}

bool turn_actor::deliver(message_ptr& m) noexcept {
  auto* head = head_.load(std::memory_order_relaxed);
  for (;;) {
    if (head == tag(ended)) {
      leave_mark(inside_);
      return false;
    }
    m->next_ = is_tag(head) ? nullptr : head;
    if (head_.compare_exchange_weak(head, m.get(), std::memory_order_seq_cst))
      break;
  }
  static_cast<void>(m.release());
  if (head == tag(idle) || head == tag(idle_unused))
    schedule();
  return true;
}

void turn_actor::deliver_timeout() {
  message_ptr m = needs_memory("for a timeout", [] { return std::make_unique<timeout_message>(); });
  static_cast<void>(deliver(m));
}

bool turn_actor::end_if_unused() noexcept {
  auto* expected = tag(idle_unused);
  return head_.compare_exchange_strong(expected, tag(ended), std::memory_order_seq_cst);
}

void turn_actor::stop() noexcept {
  auto* mail = head_.exchange(tag(ended), std::memory_order_seq_cst);
  if (mail == tag(ended))
    return;
  // A turn notices the end at its next check of the mailbox, and is limited by its number of
  // messages.
  while (inside_.load(std::memory_order_seq_cst) != 0)
    std::this_thread::yield();
  needs_memory("to stop", [&] {
    leave_over();
    if (!is_tag(mail))
      queue(mail);
    leave_over();
    stopped();
  });
  leave_mark(inside_);
}

// Timeouts are dropped: nothing needs them now, except what `stopped` does itself.
void turn_actor::leave_over() {
  for (auto m = next_message(); m != nullptr; m = next_message())
    if (!m->is_timeout_)
      left_over(std::move(m));
}

message_ptr turn_actor::next_message() noexcept {
  message_ptr result{pending_};
  if (pending_ != nullptr)
    pending_ = pending_->next_;
  return result;
}

bool turn_actor::take_mail() noexcept {
  auto* head = head_.load(std::memory_order_seq_cst);
  // Check this first, because a thread in `stop` may be using the members.
  if (head == tag(ended))
    return false;
  if (pending_ != nullptr) // left over from the last turn, and older than the mailbox's content
    return true;
  for (;;) {
    if (head == tag(ended))
      return false;
    if (head == tag(busy) ||
      head_.compare_exchange_weak(head, tag(busy), std::memory_order_seq_cst))
      break;
  }
  queue(head);
  return true;
}

void turn_actor::queue(message* newest_first) noexcept {
  while (newest_first != nullptr) {
    auto* const older = newest_first->next_;
    newest_first->next_ = pending_;
    pending_ = newest_first;
    newest_first = older;
  }
}

void turn_actor::left_over(message_ptr) {
  // Destroying a message is enough: its operation completes.
}

void turn_actor::take_turn(std::size_t messages_max) {
  needs_memory("in an actor's turn", [&] { handle_mail(messages_max); });
}

void turn_actor::handle_mail(std::size_t messages_max) {
  struct inside_guard {
    explicit inside_guard(std::atomic<int>& n) : count(n) { count.fetch_add(1); }
    ~inside_guard() { count.fetch_sub(1); }
    std::atomic<int>& count;
  };
  const inside_guard guard{inside_};
  for (std::size_t handled = 0;;) {
    if (!take_mail())
      return;
    for (auto m = next_message(); m != nullptr; m = next_message()) {
      if (m->is_timeout_)
        timeout();
      else
        handle(std::move(m));
      if (++handled < messages_max)
        continue;
      // Yield to other actors. Schedule here rather than in the caller, because the guard keeps the
      // scheduler alive.
      end_turn();
      schedule();
      return;
    }
    const bool owns_nothing = end_turn();
    auto* expected = tag(busy);
    if (head_.compare_exchange_strong(
          expected, tag(owns_nothing ? idle_unused : idle), std::memory_order_seq_cst)) {
      if (owns_nothing)
        unused();
      return;
    }
  }
}

void turn_actor::schedule() noexcept {
  intrusive_ptr_add_ref(ctrl());
  needs_memory("to have an actor run", [this] { scheduler_.enqueue(this); });
}

void turn_actor::give_back(turn_actor* job) noexcept {
  job->before_release();
  intrusive_ptr_release(job->ctrl());
}

void turn_actor::before_release() const noexcept {
  leave_mark(inside_);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
