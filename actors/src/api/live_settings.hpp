// The settings in use. Any thread reads them without a lock while another changes them.
#pragma once

#include <leasebreak/config.hpp>
#include <leasebreak/model/file_state.hpp>
#include <leasebreak/settings.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Files read the members through `live_policy`, so that a change needs no message to them. The
/// policies of shares are never removed, so that readers need no lock either; their number is
/// bounded.
class live_settings final : public live_policy {
public:
  explicit live_settings(const coordinator_config& config);
  live_settings(const live_settings&) = delete;
  live_settings& operator=(const live_settings&) = delete;
  ~live_settings() = default;

  [[nodiscard]] const file_policy& policy() const noexcept { return policy_; }
  [[nodiscard]] duration get(
    duration file_policy::*which, std::string_view share) const noexcept override;
  [[nodiscard]] std::size_t get(
    std::size_t limits::*which, std::string_view share) const noexcept override;
  [[nodiscard]] duration get(
    duration limits::*which, std::string_view share) const noexcept override;
  /// The most that an open of the share may cache.
  [[nodiscard]] lease_state caching_max(std::string_view share) const noexcept;
  /// The shortest `break_timeout`, of all files or of a share.
  [[nodiscard]] duration shortest_break_timeout() const noexcept {
    return shortest_break_timeout_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] settings get() const;

  /// Edits a copy and puts it into use. `applied` is called meanwhile, so that what depends on the
  /// limits changes in the same order. Without effect if it throws, or if the result has an error.
  settings_change change(
    const std::function<void(settings&)>& edit, const std::function<void(const limits&)>& applied);

  /// Must be called before other threads use the policy.
  void set_epoch(std::uint64_t epoch) noexcept { policy_.server_epoch = epoch; }

private:
  struct share_entry {
    std::string name;
    file_policy policy; ///< Of it, only what a share may have of its own.
    std::atomic<lease_state> caching_max{lease_state::rwh};
    share_entry* next = nullptr; ///< In its bucket; does not change after the publication.
  };
  using bucket = std::atomic<share_entry*>;
  static constexpr std::size_t shares_max = 1'024;

  [[nodiscard]] const bucket& bucket_of(std::string_view share) const noexcept;
  [[nodiscard]] share_entry* find_entry(std::string_view share) const noexcept;
  [[nodiscard]] const file_policy& policy_of(std::string_view share) const noexcept;
  [[nodiscard]] std::vector<std::unique_ptr<share_entry>> entries_for(const settings& s) const;
  void apply(const settings& s) noexcept;

  file_policy policy_;
  std::atomic<lease_state> caching_max_{lease_state::rwh};
  std::atomic<duration> shortest_break_timeout_{duration::max()};
  std::array<bucket, 256> buckets_{};
  std::atomic<bool> any_share_{false};
  mutable std::mutex mutex_; ///< Protects what follows, and serializes changes.
  settings now_;
  std::vector<std::unique_ptr<share_entry>> entries_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
