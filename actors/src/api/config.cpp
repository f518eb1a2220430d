#include <leasebreak/config.hpp>

#include <array>
#include <utility>

namespace leasebreak {

std::string coordinator_config::validate() const {
  const std::array<std::pair<bool, const char*>, 24> rules{{
    {scheduler >= scheduler_kind::asio && scheduler <= scheduler_kind::caf_stealing,
      "scheduler: no such kind"},
    {caf_threads >= 1 && caf_threads <= 1024, "caf_threads: must be 1 to 1024"},
    {messages_per_turn >= 1, "messages_per_turn: must be at least 1"},
    {break_timeout > duration::zero(), "break_timeout: must be positive"},
    {wait_max > duration::zero(), "wait_max: must be positive"},
    {answer_wait_max > duration::zero(), "answer_wait_max: must be positive"},
    {limit.locks_per_file >= 1, "limit.locks_per_file: must be at least 1"},
    {limit.locks_per_client >= 1, "limit.locks_per_client: must be at least 1"},
    {limit.locks_total >= 1, "limit.locks_total: must be at least 1"},
    {limit.opens_per_file >= 1, "limit.opens_per_file: must be at least 1"},
    {limit.opens_per_client >= 1, "limit.opens_per_client: must be at least 1"},
    {limit.opens_total >= 1, "limit.opens_total: must be at least 1"},
    {limit.waiting_per_file >= 1, "limit.waiting_per_file: must be at least 1"},
    {limit.waiting_total >= 1, "limit.waiting_total: must be at least 1"},
    {limit.file_id_bytes >= 1, "limit.file_id_bytes: must be at least 1"},
    {limit.ranges_per_lock >= 1, "limit.ranges_per_lock: must be at least 1"},
    {limit.resilience_max > duration::zero(), "limit.resilience_max: must be positive"},
    {!durable || store != nullptr, "durable: needs a store"},
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
  return {};
}

} // namespace leasebreak
