// What each user holds of what the server has for all: opens and byte-range locks.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace leasebreak::smb {

/// How much there is of something, and how much of it is taken. May be used from any thread.
class share_counter {
public:
  explicit share_counter(std::size_t most) noexcept : most_{most} {}

  /// Takes `count` if there is so much; look and taking are one step.
  [[nodiscard]] bool take(std::size_t count) noexcept;

  /// Takes it also if there is less.
  void take_anyway(std::size_t count) noexcept { taken_ += count; }

  void give_back(std::size_t count) noexcept { taken_ -= count; }

  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

private:
  const std::size_t most_;
  std::atomic<std::size_t> taken_{0};
};

/// Something taken of a counter, which its destructor gives back. A value of one thread.
class taken_share {
public:
  taken_share() = default;
  taken_share(taken_share&& other) noexcept
    : of_{std::move(other.of_)}, count_{std::exchange(other.count_, 0)} {}
  taken_share& operator=(taken_share&& other) noexcept;
  ~taken_share() { give_back(count_); }

  /// Nothing, if there is not so much.
  [[nodiscard]] static taken_share take(std::shared_ptr<share_counter> of, std::size_t count);

  [[nodiscard]] static taken_share take_anyway(
    std::shared_ptr<share_counter> of, std::size_t count);

  /// Has what another one of the same counter has, too.
  void merge(taken_share other) noexcept;

  /// Gives so much of it back, or all that there is.
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
  std::shared_ptr<share_counter> opens;
  std::shared_ptr<share_counter> locks;
};

/// Bounds for each user.
struct user_bounds {
  std::size_t opens = 1;
  std::size_t locks = 1;
};

/// The counters of all users that hold something or are logged on. May be used from any thread.
class user_shares {
public:
  /// The bounds from now on, for users that hold nothing yet.
  void limit(user_bounds most) noexcept { most_ = most; }

  /// The user's, which all of its sessions share.
  [[nodiscard]] user_share of(const std::string& user);

private:
  struct weak_share {
    std::weak_ptr<share_counter> opens;
    std::weak_ptr<share_counter> locks;
  };

  user_bounds most_;
  std::mutex mutex_;
  std::unordered_map<std::string, weak_share> users_; ///< As many as there are accounts.
};

} // namespace leasebreak::smb
