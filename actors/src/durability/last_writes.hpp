// The writes of a coordinator that ends.
#pragma once

#include "store_result.hpp"

#include <spdlog/logger.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Runs the writes after the end, which stop at the first failure. `step` is called by the writer's
/// thread, `silence` by any.
class last_writes {
public:
  /// `records`: the number of records that are not written yet.
  last_writes(std::shared_ptr<spdlog::logger> log, std::string store, std::size_t records)
    : store_(std::move(store)), left_(records), log_(std::move(log)) {}

  /// Runs `write`, a function that returns a `store_status` and writes this many records.
  template <class Write>
  void step(Write write, std::size_t records) {
    if (failed_)
      return;
    const auto status = guarded(write);
    failed_ = !status.ok();
    if (!failed_) {
      left_ -= records;
      return;
    }
    const std::lock_guard lock(mutex_);
    if (log_ != nullptr)
      log_->error("store {} could not be closed in order, {} records are not written: {}: {}",
        store_, left_, status.code.message(), status.detail);
  }

  /// Ends logging, because the coordinator is about to be destroyed.
  void silence() {
    const std::lock_guard lock(mutex_);
    log_.reset();
  }

private:
  const std::string store_;
  std::size_t left_; ///< Unwritten records.
  bool failed_ = false;
  std::mutex mutex_;
  std::shared_ptr<spdlog::logger> log_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
