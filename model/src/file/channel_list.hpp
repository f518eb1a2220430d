// The channels that the opens of a lease are on. Internal to the model.
#pragma once

#include <leasebreak/model/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace leasebreak::detail {

/// Counts opens by channel, the channel that was used last first. Opens without a connection are in
/// none. Most leases have one channel, which takes no memory besides the object.
class channel_list {
public:
  /// An open is made or given back on `c`.
  void join(const channel_id& c);

  /// An open on `c` ends.
  void leave(const channel_id& c);

  /// An open goes from a channel that is lost to another one, which nobody has used for it yet: an
  /// unknown `to` takes the place of `from`.
  void move(const channel_id& from, const channel_id& to);

  /// Where notifications go first; none if all are lost.
  [[nodiscard]] connection_id newest() const noexcept { return first_.channel.connection; }

  [[nodiscard]] std::vector<channel_id> all() const;

  /// How many opens there are on all of them.
  [[nodiscard]] std::size_t opens() const noexcept;

private:
  struct entry {
    channel_id channel;
    std::uint32_t opens = 0;
  };

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] entry& at(std::size_t i) noexcept { return i == 0 ? first_ : (*more_)[i - 1]; }
  [[nodiscard]] const entry& at(std::size_t i) const noexcept {
    return i == 0 ? first_ : (*more_)[i - 1];
  }
  /// `size()` if it is not there.
  [[nodiscard]] std::size_t find(const channel_id& c) const noexcept;
  void insert(std::size_t i, const entry& e);
  entry take(std::size_t i);

  entry first_; ///< Without opens: the list is empty.
  std::unique_ptr<std::vector<entry>> more_;
};

} // namespace leasebreak::detail
