// A thread pool of CAF, beside the caller's executor.
#pragma once

#include "caf_versions.hpp"
#include "turn_scheduler.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Runs turns on threads of its own. The clock is CAF's and has a thread, too.
class caf_scheduler final : public turn_scheduler {
public:
  caf_scheduler(bool stealing, std::size_t threads, std::size_t messages_per_turn)
    : turn_scheduler(messages_per_turn), pool_(stealing, threads, messages_per_turn) {}

  void enqueue(turn_actor* job) override;
  [[nodiscard]] time_point now() const noexcept override { return pool_.now(); }
  void set_timeout(turn_actor& to, time_point t) override;
  void cancel_timeout(turn_actor& of) override;
  void begin_stop() override { pool_.drop_timeouts(); }

private:
  caf_pool pool_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
