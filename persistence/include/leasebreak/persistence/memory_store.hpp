// A store in memory, without durability.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/persistence/lock_store.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Stores records in memory, for tests and for servers that need no recovery. Indexed by file,
/// owner and client. Operations take time logarithmic in the number of records.
///
/// *Durability*: none; the records are lost when the object is closed or destroyed.
class memory_store final : public lock_store {
public:
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
  [[nodiscard]] bool outlives_process() const noexcept override { return false; }
  void close() override;
  [[nodiscard]] std::string description() const override;

private:
  using record_map = std::map<std::string, persisted_lock, std::less<>>;
  // The ids are views of the keys of `records_`.
  using id_set = std::set<std::string_view>;
  using index = std::map<std::string, id_set, std::less<>>; // clients choose the keys

  void put_locked(const persisted_lock& record);
  void erase_locked(record_map::iterator where);
  std::size_t erase_all_locked(const index& from, std::string_view value);
  const id_set* candidates(const lock_query& query) const;

  mutable std::mutex mutex_;
  bool closed_ = false;
  bool clean_ = false;
  std::uint64_t epoch_ = 0;
  record_map records_;
  index by_file_;
  index by_owner_;
  index by_client_;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
