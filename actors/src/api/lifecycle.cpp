// Orderly start and shutdown.
#include "coordinator_impl.hpp"
#include "files/file_actor.hpp"
#include "runtime/out_of_memory.hpp"

#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

void coordinator_impl::start(start_request&&, std::unique_ptr<plain_call<start_result>> op) {
  if (is_stopping())
    op->answer(errc::shutting_down);
  else if (records_)
    records_->load(std::move(op));
  else
    op->answer(errc::success); // there is nothing to load
}

namespace {

/// Shared by the files whose pending operations must complete. Completes when all files are done.
struct stopping_files {
  stopping_files(coordinator_impl& i, std::unique_ptr<plain_call<void>> o)
    : owner(i), op(std::move(o)) {}
  stopping_files(const stopping_files&) = delete;
  stopping_files& operator=(const stopping_files&) = delete;
  ~stopping_files() {
    if (initiating::has_failed())
      return;
    needs_memory("to shut down", [this] { end(); });
  }
  void end() {
    if (lost)
      op->answer(errc::shutting_down);
    else if (owner.records() != nullptr)
      owner.records()->flush(std::move(op));
    else
      op->answer(errc::success);
  }

  coordinator_impl& owner;
  std::unique_ptr<plain_call<void>> op;
  /// A file was stopped from outside; the coordinator is being destroyed.
  std::atomic<bool> lost{false};
};

class stop_file final : public file_message {
public:
  explicit stop_file(std::shared_ptr<stopping_files> all) : all_(std::move(all)) {}
  stop_file(const stop_file&) = delete;
  stop_file& operator=(const stop_file&) = delete;
  ~stop_file() override {
    if (!done_)
      all_->lost.store(true);
  }

  void act(file_actor& file, std::unique_ptr<file_message>) override {
    done_ = true;
    file.perform(stop_waiting{});
  }

  /// The actor ended before delivery, so that nothing waits there.
  void not_needed() noexcept { done_ = true; }

private:
  std::shared_ptr<stopping_files> all_;
  bool done_ = false;
};

} // namespace

void coordinator_impl::start(shutdown_request&&, std::unique_ptr<plain_call<void>> op) {
  if (stopping_.exchange(true))
    return op->answer(errc::shutting_down);
  try {
    const auto all = std::make_shared<stopping_files>(*this, std::move(op));
    const auto files = files_.all();
    std::vector<std::unique_ptr<stop_file>> parts;
    parts.reserve(files.size());
    for (std::size_t i = 0; i < files.size(); ++i)
      parts.push_back(std::make_unique<stop_file>(all));
    for (std::size_t i = 0; i < files.size(); ++i) {
      message_ptr m = std::move(parts[i]);
      if (!files[i]->deliver(m))
        static_cast<stop_file&>(*m).not_needed();
    }
  } catch (...) {
    stopping_.store(false); // allow another attempt
    throw;
  }
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
