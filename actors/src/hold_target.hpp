// What a `hold` lets go of.
#pragma once

#include "file_actor.hpp"

#include <memory>
#include <utility>

namespace leasebreak::detail {

class coordinator_impl;

/// The file of a hold. The hold keeps the file's actor from being ended for want of use; the actor
/// may be stopped, and the coordinator be gone.
class hold_target {
public:
  hold_target(std::weak_ptr<coordinator_impl> owner, file_ref file)
    : owner_(std::move(owner)), file_(std::move(file)) {}

  void end(hold_id id) noexcept {
    if (const auto alive = owner_.lock()) {
      message_ptr m = std::make_unique<plain_command>(end_hold{id});
      static_cast<void>(file_->deliver(m));
    }
  }

private:
  std::weak_ptr<coordinator_impl> owner_;
  file_ref file_;
};

} // namespace leasebreak::detail
