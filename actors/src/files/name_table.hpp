// A hash table of opens by the last component of their paths, which finds files by name.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstddef>
#include <deque>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// An element of a `name_table`, which refers to it while it is entered.
struct named_node {
  named_node* next = nullptr;
  named_node** link = nullptr; ///< The pointer to this node.
  std::size_t hash = 0;
};

/// Nodes by the hashes of their names, of which several may be equal.
///
/// Entering and removing a node takes the same time, whatever the names are, and allocates only
/// when the table grows. It grows and shrinks by a slot or two at a time (linear hashing), so that
/// no open pays for moving all the others. Not thread-safe.
class name_table {
public:
  name_table();

  /// The hash has no random key. Clients that choose colliding names slow nothing down except
  /// searches, which have a limit.
  [[nodiscard]] static std::size_t hash_of(std::string_view name) noexcept {
    return std::hash<std::string_view>{}(name);
  }

  /// Enters a node with its hash. Without memory the table does not grow, and gets slower.
  void insert(named_node& node) noexcept;
  void erase(named_node& node) noexcept;

  /// Calls `use` for each node that may have this hash; others are among them. Ends when `use`
  /// returns false.
  template <class Use>
  void for_each(std::size_t hash, Use use) const {
    for (const auto* node = slots_[slot_of(hash)]; node != nullptr; node = node->next)
      if (!use(*node))
        return;
  }

  [[nodiscard]] std::size_t slots() const noexcept { return slots_.size(); }

private:
  static constexpr std::size_t slots_min = 32;

  [[nodiscard]] std::size_t slot_of(std::size_t hash) const noexcept;
  void grow();
  void shrink() noexcept;

  std::deque<named_node*> slots_; ///< Elements stay in place, as nodes point to them.
  std::size_t count_ = 0;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
