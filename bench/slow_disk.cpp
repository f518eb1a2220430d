#include "slow_disk.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace leasebreak::bench {

template <class Result>
Result slow_disk::committed(Result result) {
  const auto begin = std::chrono::steady_clock::now();
  std::this_thread::sleep_until(begin + fsync_);
  waited_ += (std::chrono::steady_clock::now() - begin).count();
  ++commits_;
  return result;
}

std::chrono::duration<double> slow_disk::mean_fsync() const {
  const auto count = std::max<std::uint64_t>(commits_.load(), 1);
  return std::chrono::duration<double>{duration{waited_.load()}} / static_cast<double>(count);
}

store_status slow_disk::put(const persisted_lock& record) {
  return committed(inner_->put(record));
}

store_status slow_disk::erase(std::string_view id) {
  return committed(inner_->erase(id));
}

store_result<std::size_t> slow_disk::erase_by_client(std::string_view client_id) {
  return committed(inner_->erase_by_client(client_id));
}

store_result<std::size_t> slow_disk::erase_by_file(std::string_view file_id) {
  return committed(inner_->erase_by_file(file_id));
}

store_status slow_disk::apply(std::span<const record_change> changes) {
  return committed(inner_->apply(changes));
}

store_result<std::uint64_t> slow_disk::increment_server_epoch() {
  return committed(inner_->increment_server_epoch());
}

store_status slow_disk::set_clean_shutdown(bool clean) {
  return committed(inner_->set_clean_shutdown(clean));
}

} // namespace leasebreak::bench
