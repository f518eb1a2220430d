// See completions.hpp.
#include "completions.hpp"

#include <boost/asio/post.hpp>

namespace leasebreak::detail {

thread_local completion_batch* completion_batch::current_ = nullptr;

void post(pending_completion_ptr completion) {
  const auto executor = completion->executor();
  boost::asio::post(
    executor, [completion = std::move(completion)]() mutable { completion.release()->run(); });
}

void finish(pending_completion_ptr completion) {
  if (auto* const batch = completion_batch::current())
    batch->add(std::move(completion));
  else
    post(std::move(completion));
}

} // namespace leasebreak::detail
