// Limits opens and byte-range locks per user.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace leasebreak::smb {

/// A limited counter. Thread-safe.
class share_counter {
public:
  explicit share_counter(std::size_t most) noexcept : most_{most} {}

  /// Adds `count` if the limit permits it, atomically.
  [[nodiscard]] bool take(std::size_t count) noexcept;

  /// Adds `count` regardless of the limit.
  void take_anyway(std::size_t count) noexcept { taken_ += count; }

  void give_back(std::size_t count) noexcept { taken_ -= count; }

  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

private:
  const std::size_t most_;
  std::atomic<std::size_t> taken_{0};
};

/// Units of a counter, which the destructor releases. Not thread-safe.
class taken_share {
public:
  taken_share() = default;
  taken_share(taken_share&& other) noexcept
    : of_{std::move(other.of_)}, count_{std::exchange(other.count_, 0)} {}
  taken_share& operator=(taken_share&& other) noexcept;
  ~taken_share() { give_back(count_); }

  /// Returns an empty object if the limit does not permit `count`.
  [[nodiscard]] static taken_share take(std::shared_ptr<share_counter> of, std::size_t count);

  [[nodiscard]] static taken_share take_anyway(
    std::shared_ptr<share_counter> of, std::size_t count);

  /// Adds the units of another object of the same counter.
  void merge(taken_share other) noexcept;

  /// Releases up to `count` units.
  void give_back(std::size_t count) noexcept;

  [[nodiscard]] std::size_t count() const noexcept { return count_; }

private:
  taken_share(std::shared_ptr<share_counter> of, std::size_t count) noexcept
    : of_{std::move(of)}, count_{count} {}

  std::shared_ptr<share_counter> of_;
  std::size_t count_ = 0;
};

/// The counters of a user.
struct user_share {
  std::uint64_t number = 0; ///< Of the user, for its share of the disk threads. Not zero.
  std::shared_ptr<share_counter> opens;
  std::shared_ptr<share_counter> locks;
};

/// Limits per user.
struct user_bounds {
  std::size_t opens = 1;
  std::size_t locks = 1;
};

/// The counters of all users that are logged on or hold units. Thread-safe.
class user_shares {
public:
  /// Sets the limits of counters that are created from now on.
  void limit(user_bounds most) noexcept { most_ = most; }

  /// Returns the counters of a user, which all of its sessions share.
  [[nodiscard]] user_share of(const std::string& user);

private:
  struct weak_share {
    std::uint64_t number = 0;
    std::weak_ptr<share_counter> opens;
    std::weak_ptr<share_counter> locks;
  };

  user_bounds most_;
  std::mutex mutex_;
  std::unordered_map<std::string, weak_share> users_; ///< Limited by the number of accounts.
};

} // namespace leasebreak::smb
