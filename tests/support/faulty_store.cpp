// See faulty_store.hpp.
#include "support/faulty_store.hpp"

namespace leasebreak::test {

void faulty_store::hang() {
  const std::lock_guard lock(mutex_);
  hangs_ = true;
}

void faulty_store::release() {
  const std::lock_guard lock(mutex_);
  hangs_ = false;
  released_.notify_all();
}

store_status faulty_store::pass() {
  {
    std::unique_lock lock(mutex_);
    hanging_.fetch_add(1);
    released_.wait(lock, [this] { return !hangs_; });
    hanging_.fetch_sub(1);
  }
  const auto error = error_.load();
  return error == errc::success ? store_status{}
                                : store_status{make_error_code(error), "injected failure"};
}

store_status faulty_store::put(const persisted_lock& record) {
  const auto status = pass();
  return status.ok() ? inner_.put(record) : status;
}

store_result<persisted_lock> faulty_store::get(std::string_view id) {
  const auto status = pass();
  return status.ok() ? inner_.get(id) : store_result<persisted_lock>{status, {}};
}

store_status faulty_store::erase(std::string_view id) {
  const auto status = pass();
  return status.ok() ? inner_.erase(id) : status;
}

store_result<lock_listing> faulty_store::list(const lock_query& query) {
  const auto status = pass();
  return status.ok() ? inner_.list(query) : store_result<lock_listing>{status, {}};
}

store_result<std::size_t> faulty_store::erase_by_client(std::string_view client_id) {
  const auto status = pass();
  return status.ok() ? inner_.erase_by_client(client_id) : store_result<std::size_t>{status, 0};
}

store_result<std::size_t> faulty_store::erase_by_file(std::string_view file_id) {
  const auto status = pass();
  return status.ok() ? inner_.erase_by_file(file_id) : store_result<std::size_t>{status, 0};
}

store_status faulty_store::apply(std::span<const record_change> changes) {
  batches_.fetch_add(1);
  if (changes.size() > batch_max_.load())
    return {make_error_code(errc::store_unavailable), "injected limit of a batch"};
  const auto status = pass();
  return status.ok() ? inner_.apply(changes) : status;
}

store_result<std::uint64_t> faulty_store::server_epoch() {
  const auto status = pass();
  return status.ok() ? inner_.server_epoch() : store_result<std::uint64_t>{status, 0};
}

store_result<std::uint64_t> faulty_store::increment_server_epoch() {
  const auto status = pass();
  return status.ok() ? inner_.increment_server_epoch() : store_result<std::uint64_t>{status, 0};
}

store_result<bool> faulty_store::clean_shutdown() {
  const auto status = pass();
  return status.ok() ? inner_.clean_shutdown() : store_result<bool>{status, false};
}

store_status faulty_store::set_clean_shutdown(bool clean) {
  const auto status = pass();
  return status.ok() ? inner_.set_clean_shutdown(clean) : status;
}

store_result<persisted_lock> faulty_store::reclaim(
  std::string_view file_id, const lease_key& key, std::string_view client_id) {
  const auto status = pass();
  return status.ok() ? inner_.reclaim(file_id, key, client_id)
                     : store_result<persisted_lock>{status, {}};
}

void faulty_store::close() {
  inner_.close();
}

} // namespace leasebreak::test
