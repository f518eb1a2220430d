// Starting and stopping in order.
#include "coordinator_impl.hpp"
#include "file_actor.hpp"

namespace leasebreak::detail {

void coordinator_impl::start(start_request&&, std::unique_ptr<plain_call<start_result>> op) {
  fail<start_result>(std::move(op), admit());
}

namespace {

/// Shared by the files that are to stop waiting; completes when all have.
struct stopping_files {
  explicit stopping_files(std::unique_ptr<plain_call<void>> o) : op(std::move(o)) {}
  stopping_files(const stopping_files&) = delete;
  stopping_files& operator=(const stopping_files&) = delete;
  ~stopping_files() { fail<void>(std::move(op), errc::success); }
  std::unique_ptr<plain_call<void>> op;
};

class stop_file final : public file_message {
public:
  explicit stop_file(std::shared_ptr<stopping_files> all) : all_(std::move(all)) {}
  void act(file_actor& file, std::unique_ptr<file_message>) override {
    file.perform(stop_waiting{});
  }

private:
  std::shared_ptr<stopping_files> all_;
};

} // namespace

void coordinator_impl::start(shutdown_request&&, std::unique_ptr<plain_call<void>> op) {
  if (stopping_.exchange(true))
    return fail<void>(std::move(op), errc::shutting_down);
  const auto all = std::make_shared<stopping_files>(std::move(op));
  for (const auto& file : files_.all()) {
    message_ptr m = std::make_unique<stop_file>(all);
    static_cast<void>(file->deliver(m));
  }
}

} // namespace leasebreak::detail
