// A store whose commits take as long as on a disk with slow fsyncs.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace leasebreak::bench {

/// Passes all calls to another store. A call that commits something then waits on the calling
/// thread, which is the store's own. Thread-safe.
class slow_disk final : public lock_store {
public:
  using duration = std::chrono::steady_clock::duration;

  slow_disk(std::shared_ptr<lock_store> inner, duration fsync)
    : inner_(std::move(inner)), fsync_(fsync) {}

  /// Returns the mean time of the simulated fsyncs. On a busy machine they take longer than wanted.
  [[nodiscard]] std::chrono::duration<double> mean_fsync() const;

  store_status put(const persisted_lock& record) override;
  store_result<persisted_lock> get(std::string_view id) override { return inner_->get(id); }
  store_status erase(std::string_view id) override;
  store_result<lock_listing> list(const lock_query& query) override { return inner_->list(query); }
  store_result<std::size_t> erase_by_client(std::string_view client_id) override;
  store_result<std::size_t> erase_by_file(std::string_view file_id) override;
  store_status apply(std::span<const record_change> changes) override;
  store_result<std::uint64_t> server_epoch() override { return inner_->server_epoch(); }
  store_result<std::uint64_t> increment_server_epoch() override;
  store_result<bool> clean_shutdown() override { return inner_->clean_shutdown(); }
  store_status set_clean_shutdown(bool clean) override;
  store_result<persisted_lock> reclaim(
    std::string_view file_id, const lease_key& key, std::string_view client_id) override {
    return inner_->reclaim(file_id, key, client_id);
  }
  void close() override { inner_->close(); }
  [[nodiscard]] std::string description() const override { return "slow " + inner_->description(); }

private:
  template <class Result>
  [[nodiscard]] Result committed(Result result);

  const std::shared_ptr<lock_store> inner_;
  const duration fsync_;
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<duration::rep> waited_{0};
};

} // namespace leasebreak::bench
