// A store with injected failures and hangs.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>
#include <leasebreak/persistence/memory_store.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

namespace leasebreak::test {

/// A memory store with injected faults. Thread-safe.
class faulty_store final : public lock_store {
public:
  /// Makes every call fail with `error`, or none if it is `errc::success`.
  void fail_with(errc error) { error_.store(error); }
  /// Makes larger batches fail, like a database with a time limit.
  void refuse_more_than(std::size_t changes) { batch_max_.store(changes); }
  /// Makes every call wait for `release`.
  void hang();
  void release();
  /// The number of calls of `apply`.
  [[nodiscard]] int batches() const noexcept { return batches_.load(); }
  /// The number of calls that hang now.
  [[nodiscard]] int hanging() const noexcept { return hanging_.load(); }

  [[nodiscard]] memory_store& inner() noexcept { return inner_; }

  store_status put(const persisted_lock& record) override;
  store_result<persisted_lock> get(std::string_view id) override;
  store_status erase(std::string_view id) override;
  store_result<lock_listing> list(const lock_query& query) override;
  store_result<std::size_t> erase_by_client(std::string_view client_id) override;
  store_result<std::size_t> erase_by_file(std::string_view file_id) override;
  store_status apply(std::span<const record_change> changes) override;
  store_result<std::uint64_t> server_epoch() override;
  store_result<std::uint64_t> increment_server_epoch() override;
  store_result<bool> clean_shutdown() override;
  store_status set_clean_shutdown(bool clean) override;
  store_result<persisted_lock> reclaim(
    std::string_view file_id, const lease_key& key, std::string_view client_id) override;
  void close() override;
  [[nodiscard]] std::string description() const override { return "faulty"; }

private:
  [[nodiscard]] store_status pass();

  memory_store inner_;
  std::atomic<errc> error_{errc::success};
  std::atomic<std::size_t> batch_max_{SIZE_MAX};
  std::atomic<int> batches_{0};
  std::atomic<int> hanging_{0};
  std::mutex mutex_;
  std::condition_variable released_;
  bool hangs_ = false;
};

} // namespace leasebreak::test
