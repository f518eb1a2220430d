// Which changes the store has yet to learn of: the newest of each record.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/persisted_lock.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace leasebreak::detail {

/// Coalesces changes. Not thread-safe.
class pending_records {
public:
  /// The store has a record of this id.
  void know(std::string_view id) { known_.insert(mark_of(id)); }

  /// A newer change replaces the one before; a record that comes and goes before the store has
  /// heard of it leaves nothing.
  void add(record_change change);

  [[nodiscard]] bool empty() const noexcept { return changes_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return changes_.size(); }

  /// All of it, to be written. Then either `written` or `put_back`.
  [[nodiscard]] std::vector<record_change> take();

  /// The store has taken the batch.
  void written(const std::vector<record_change>& batch);

  /// The store has not taken the batch: it counts again, where nothing newer has come.
  void put_back(std::vector<record_change> batch);

private:
  /// Stands for an id: as good as the id itself, and much smaller.
  struct mark {
    std::uint64_t a;
    std::uint64_t b;
    friend bool operator==(const mark&, const mark&) = default;
  };
  struct mark_hash {
    std::size_t operator()(const mark& m) const noexcept { return static_cast<std::size_t>(m.a); }
  };
  [[nodiscard]] static mark mark_of(std::string_view id) noexcept;

  std::unordered_map<std::string, std::optional<persisted_lock>> changes_;
  std::unordered_set<mark, mark_hash> known_; ///< What the store has, or may have.
};

} // namespace leasebreak::detail
