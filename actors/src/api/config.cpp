#include <leasebreak/config.hpp>
#include <leasebreak/settings.hpp>

#include <array>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

std::string coordinator_config::validate() const {
  const std::array<std::pair<bool, const char*>, 11> rules{{
    {scheduler >= scheduler_kind::asio && scheduler <= scheduler_kind::caf_stealing,
      "scheduler: no such kind"},
    {caf_threads >= 1 && caf_threads <= 1024, "caf_threads: must be 1 to 1024"},
    {messages_per_turn >= 1, "messages_per_turn: must be at least 1"},
    {!durable || store != nullptr, "durable: needs a store"},
    {cluster == nullptr || store == nullptr, "cluster: a server in a cluster has no store"},
    {write_delay >= duration::zero(), "write_delay: must not be negative"},
    {store_backlog_max >= 1, "store_backlog_max: must be at least 1"},
    {store_retry_min > duration::zero(), "store_retry_min: must be positive"},
    {store_retry_max >= store_retry_min, "store_retry_max: must be at least store_retry_min"},
    {grace >= duration::zero(), "grace: must not be negative"},
    {shutdown_store_wait >= duration::zero(), "shutdown_store_wait: must not be negative"},
  }};
  for (const auto& [good, text] : rules)
    if (!good)
      return text;
  settings changeable;
  changeable.break_timeout = break_timeout;
  changeable.wait_max = wait_max;
  changeable.answer_wait_max = answer_wait_max;
  changeable.limit = limit;
  return changeable.validate();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
