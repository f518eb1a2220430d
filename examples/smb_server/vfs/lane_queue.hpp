// The queue of a worker pool: fair among users, and among the clients of each user.
#pragma once

#include "fair_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace leasebreak::smb::vfs {

/// A place in a pool. Users share the pool equally, and the clients of a user share its part.
struct pool_lane {
  std::uint64_t user = 0; ///< 0: the server's own work, which may take all threads.
  std::uint64_t client = 0; ///< Only compared with others of the user.
  /// The work goes ahead of the user's other work, because other users wait for its end.
  bool ahead = false;
  /// The work keeps a processor busy, such as a portion of a listing. Has no effect with `ahead`.
  bool bulk = false;

  [[nodiscard]] bool is_own() const noexcept { return user == 0; }
};

/// How many items may run at a time.
struct lane_limits {
  std::size_t user = 1;
  std::size_t client = 1; ///< Without those that go ahead, and without `bulk`.
  std::size_t bulk = 1; ///< Of a client.
};

/// Not thread-safe.
template <class T>
class lane_queue {
public:
  struct entry {
    pool_lane lane;
    T item;
  };

  void push(pool_lane lane, const lane_limits& limits, T item) {
    const std::size_t of_client = lane.bulk ? limits.bulk : limits.client;
    users_.push(lane.user, limits.user, queued{{lane, std::move(item)}, of_client});
  }

  [[nodiscard]] bool has_next() const noexcept { return users_.has_next(); }

  /// Removes and returns the next item. Precondition: `has_next()`.
  [[nodiscard]] entry take() { return std::move(users_.take().item.what); }

  /// An item has finished.
  void done(pool_lane lane) {
    users_.waiting(lane.user)->done(lane);
    users_.done(lane.user);
  }

  /// The number of waiting and running items of a user.
  [[nodiscard]] std::size_t size_of_user(pool_lane lane) const { return users_.size(lane.user); }

  /// The same for a client, without the items that went ahead.
  [[nodiscard]] std::size_t size_of_client(pool_lane lane) {
    const auto* const of = users_.waiting(lane.user);
    return of == nullptr ? 0 : of->size_of(lane);
  }

private:
  struct queued {
    entry what;
    std::size_t client_max;
  };

  /// The items of a user: those that go ahead, then those of the clients in turn.
  class of_user {
  public:
    void push(queued q) {
      const pool_lane lane = q.what.lane;
      if (lane.ahead) {
        ahead_.push(std::move(q));
      } else {
        const std::size_t running_max = q.client_max;
        clients_.push(place_of(lane), running_max, std::move(q));
      }
      ++size_;
    }
    [[nodiscard]] bool has_next() const noexcept {
      return ahead_.has_next() || clients_.has_next();
    }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] queued take() {
      --size_;
      return ahead_.empty() ? std::move(clients_.take().item) : ahead_.take();
    }
    void done(pool_lane lane) {
      if (!lane.ahead) {
        clients_.done(place_of(lane));
      }
    }
    [[nodiscard]] std::size_t size_of(pool_lane lane) const {
      return clients_.size({lane.client, false}) + clients_.size({lane.client, true});
    }

  private:
    /// The bulk work of a client takes turns with its other work.
    struct place {
      std::uint64_t client;
      bool bulk;
      friend bool operator==(const place&, const place&) = default;
    };
    struct hash_of_place {
      std::size_t operator()(const place& p) const noexcept {
        return std::hash<std::uint64_t>{}(p.client * 2 + (p.bulk ? 1 : 0));
      }
    };
    static place place_of(pool_lane lane) noexcept { return {lane.client, lane.bulk}; }

    fifo<queued> ahead_;
    fair_queue<place, queued, fifo<queued>, hash_of_place> clients_;
    std::size_t size_ = 0;
  };

  fair_queue<std::uint64_t, queued, of_user> users_;
};

} // namespace leasebreak::smb::vfs
