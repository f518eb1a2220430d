#include "deadline_queue.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

void deadline_queue::push(deadline_entry entry) {
  heap_.push_back(std::move(entry));
  std::push_heap(heap_.begin(), heap_.end());
}

deadline_entry deadline_queue::pop() {
  std::pop_heap(heap_.begin(), heap_.end());
  auto first = std::move(heap_.back());
  heap_.pop_back();
  return first;
}

void deadline_queue::drop_duplicates() {
  const auto place = [](const deadline_entry& e) {
    return std::tie(e.at, e.of, e.lease, e.waiting, e.open);
  };
  std::sort(
    heap_.begin(), heap_.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  heap_.erase(std::unique(heap_.begin(), heap_.end()), heap_.end());
  std::make_heap(heap_.begin(), heap_.end());
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
