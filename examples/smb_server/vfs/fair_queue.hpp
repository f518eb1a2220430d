// A queue that serves several lanes round-robin.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <unordered_map>
#include <utility>

namespace leasebreak::smb::vfs {

/// The items of a lane in FIFO order.
template <class T>
class fifo {
public:
  void push(T item) { items_.push_back(std::move(item)); }
  [[nodiscard]] bool has_next() const noexcept { return !items_.empty(); }
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  /// Precondition: not empty.
  [[nodiscard]] T take() {
    T result = std::move(items_.front());
    items_.pop_front();
    return result;
  }

private:
  std::deque<T> items_;
};

/// A queue of items of several lanes. Lanes are served round-robin, the items of a lane in the
/// order of `Order`, whose members are those of `fifo`; an order without a next item is skipped,
/// and may have one after `done`. An item runs from `take` to `done`; a lane at its limit of
/// running items is skipped. A lane without items uses no memory. Not thread-safe.
template <class Lane, class T, class Order = fifo<T>, class Hash = std::hash<Lane>>
class fair_queue {
public:
  struct entry {
    Lane lane;
    T item;
  };

  void push(Lane lane, std::size_t running_max, T item) {
    lane_state& state = *find_or_add(lane);
    try {
      state.waiting.push(std::move(item));
    } catch (...) {
      settle(state);
      throw;
    }
    state.running_max = running_max;
    settle(state);
  }

  [[nodiscard]] bool has_next() const noexcept { return !ready_.empty(); }

  /// Removes and returns the next item. Precondition: `has_next()`.
  [[nodiscard]] entry take() {
    lane_state& state = ready_.front();
    entry result{state.lane, state.waiting.take()};
    ++state.running;
    ready_.splice(ready_.end(), ready_, ready_.begin());
    settle(state);
    return result;
  }

  /// An item of the lane has finished.
  void done(Lane lane) {
    lane_state& state = *lanes_.at(lane);
    --state.running;
    settle(state);
  }

  /// The number of waiting and running items of a lane.
  [[nodiscard]] std::size_t size(Lane lane) const {
    const auto found = lanes_.find(lane);
    return found == lanes_.end() ? 0 : found->second->waiting.size() + found->second->running;
  }

  /// The waiting items of a lane; null for a lane without items.
  [[nodiscard]] Order* waiting(Lane lane) {
    const auto found = lanes_.find(lane);
    return found == lanes_.end() ? nullptr : &found->second->waiting;
  }

  [[nodiscard]] std::size_t lanes() const noexcept { return lanes_.size(); }

private:
  struct lane_state {
    Lane lane;
    Order waiting{};
    std::size_t running = 0;
    std::size_t running_max = 1;
    bool ready = false; ///< In `ready_`.
    typename std::list<lane_state>::iterator self{};
  };
  using iterator = typename std::list<lane_state>::iterator;

  iterator find_or_add(Lane lane) {
    const auto [place, added] = lanes_.try_emplace(lane);
    if (added) {
      try {
        place->second = blocked_.insert(blocked_.end(), lane_state{lane});
      } catch (...) {
        lanes_.erase(place);
        throw;
      }
      place->second->self = place->second;
    }
    return place->second;
  }

  /// Moves a lane to the list for its state. Does not allocate.
  void settle(lane_state& state) {
    const bool ready = state.waiting.has_next() && state.running < state.running_max;
    if (ready != state.ready) {
      state.ready = ready;
      if (ready) {
        ready_.splice(ready_.end(), blocked_, state.self);
      } else {
        blocked_.splice(blocked_.end(), ready_, state.self);
      }
    }
    if (state.waiting.empty() && state.running == 0) {
      lanes_.erase(state.lane);
      blocked_.erase(state.self);
    }
  }

  std::list<lane_state> ready_; ///< Lanes with an item to take; the next lane first.
  std::list<lane_state> blocked_; ///< Lanes without waiting items, or at their limit.
  std::unordered_map<Lane, iterator, Hash> lanes_;
};

} // namespace leasebreak::smb::vfs
