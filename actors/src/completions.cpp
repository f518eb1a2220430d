// See completions.hpp.
#include "completions.hpp"

namespace leasebreak::detail {

thread_local completion_batch* completion_batch::current_ = nullptr;

void pending_call::post(std::unique_ptr<pending_call> call) {
  const auto executor = call->take_executor();
  boost::asio::post(
    executor, [call = std::move(call)]() mutable { pending_call::run(std::move(call)); });
}

void pending_call::finish(std::unique_ptr<pending_call> call) {
  if (auto* const batch = completion_batch::current())
    batch->add(std::move(call));
  else
    post(std::move(call));
}

} // namespace leasebreak::detail
