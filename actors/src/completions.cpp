// See completions.hpp.
#include "completions.hpp"

#include "client.hpp"

#include <boost/asio/post.hpp>

namespace leasebreak::detail {

thread_local completion_batch* completion_batch::current_ = nullptr;

completion_batch::~completion_batch() {
  current_ = outer_;
  for (; next_ != count_; ++next_) // a handler has thrown
    post(std::move(kept_[next_]));
  if (untold_ != nullptr)
    client::tell_later(std::move(untold_));
}

void completion_batch::add(std::shared_ptr<client> untold) {
  if (untold_ == nullptr)
    untold_ = std::move(untold);
  else
    client::tell_later(std::move(untold));
}

void completion_batch::run() {
  current_ = outer_;
  while (next_ != count_)
    kept_[next_++].release()->run();
  if (untold_ != nullptr)
    client::tell(std::move(untold_));
}

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
