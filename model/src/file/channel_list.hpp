// The channels of a lease's opens. Internal to the model.
#pragma once

#include <leasebreak/model/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Counts opens by channel, the most recently used channel first. Disconnected opens are not
/// counted. Most leases have one channel, which needs no memory besides the object.
class channel_list {
public:
  /// Adds an open that is made or reconnected on `c`.
  void join(const channel_id& c);

  /// Removes an open on `c`.
  void leave(const channel_id& c);

  /// Moves an open from a lost channel to another one of its session. If `to` is new in the list it
  /// takes the position of `from`, because the client has not used it for the lease yet.
  void move(const channel_id& from, const channel_id& to);

  /// Returns the channel to notify first; none if all are lost.
  [[nodiscard]] const channel_id& newest() const noexcept { return first_.channel; }

  [[nodiscard]] std::vector<channel_id> all() const;

  /// A channel with its number of opens, which is not zero.
  struct entry {
    channel_id channel;
    std::uint32_t opens = 0;
  };
  /// Returns the list with these entries, the first one first.
  [[nodiscard]] static channel_list of(const std::vector<entry>& entries);

  /// Returns the number of opens on all channels.
  [[nodiscard]] std::size_t opens() const noexcept;

private:
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] entry& at(std::size_t i) noexcept { return i == 0 ? first_ : (*more_)[i - 1]; }
  [[nodiscard]] const entry& at(std::size_t i) const noexcept {
    return i == 0 ? first_ : (*more_)[i - 1];
  }
  /// Returns `size()` if `c` is not in the list.
  [[nodiscard]] std::size_t find(const channel_id& c) const noexcept;
  void insert(std::size_t i, const entry& e);
  entry take(std::size_t i);

  entry first_; ///< Without opens if the list is empty.
  std::unique_ptr<std::vector<entry>> more_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
