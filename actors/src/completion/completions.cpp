#include "completions.hpp"

#include <boost/asio/post.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

thread_local completion_batch* completion_batch::current_ = nullptr;

completion_batch::~completion_batch() {
  current_ = outer_;
  for (; next_ != count_; ++next_) // a handler has thrown
    post(std::move(kept_[next_]));
  if (untold_.queue != nullptr)
    sink_queue::run_later(std::move(untold_));
}

void completion_batch::add(sink_turn untold) {
  if (untold_.queue == nullptr)
    untold_ = std::move(untold);
  else
    sink_queue::run_later(std::move(untold));
}

void completion_batch::run() {
  current_ = outer_;
  while (next_ != count_)
    kept_[next_++].release()->run();
  if (untold_.queue != nullptr)
    sink_queue::run(std::move(untold_));
}

void post(pending_completion_ptr completion) {
  const auto executor = completion->executor();
  needs_memory("to complete an operation", [&] {
    boost::asio::post(
      executor, [completion = std::move(completion)]() mutable { completion.release()->run(); });
  });
}

void finish(pending_completion_ptr completion) {
  if (auto* const batch = completion_batch::current())
    batch->add(std::move(completion));
  else
    post(std::move(completion));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
