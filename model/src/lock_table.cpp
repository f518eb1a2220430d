// AVL trees of locks, ordered by their start. Each subtree knows how far its locks reach.
#include "lock_table.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <compare>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {
namespace {

using entry = lock_table::entry;

/// A position among the bytes and the boundaries between them. The boundary before a byte precedes
/// the byte. An empty range is one boundary; any other range extends from byte to byte. Two ranges
/// overlap if these intervals intersect, except two empty ranges, which are never compared.
struct position {
  std::uint64_t offset = 0;
  bool is_byte = false;

  friend auto operator<=>(const position&, const position&) = default;
};

position start_of(const byte_range& range) {
  return {range.offset, range.length != 0};
}

position end_of(const byte_range& range) {
  return range.length != 0 ? position{range.last(), true} : position{range.offset, false};
}

/// The farthest end of one owner's locks.
struct reach {
  position end;
  open_id owner{};
};

/// The farthest reach of all owners, and the farthest of all other owners.
struct reaches {
  std::optional<reach> first;
  std::optional<reach> second;

  void include(const reach& r) {
    if (!first || first->end < r.end) {
      if (first && first->owner != r.owner)
        second = first;
      first = r;
    } else if (r.owner != first->owner && (!second || second->end < r.end)) {
      second = r;
    }
  }

  void include(const reaches& other) {
    if (other.first)
      include(*other.first);
    if (other.second)
      include(*other.second);
  }

  /// Returns whether a lock reaches `from`, ignoring those of `except`.
  [[nodiscard]] bool get_to(const position& from, const std::optional<open_id>& except) const {
    const std::optional<reach>& r = except && first && first->owner == *except ? second : first;
    return r && r->end >= from;
  }
};

struct node : entry {
  node* left = nullptr;
  node* right = nullptr;
  int height = 1;
  reaches reached;
  // Links the locks of the table, and those of the same open, in the order of acquisition.
  std::unique_ptr<node> next;
  node* previous = nullptr;
  node* next_of_open = nullptr;
  node* previous_of_open = nullptr;
};

/// Returns the sort key in a tree. It begins with the start of the range, which the search for
/// overlaps requires. The rest makes the candidates for one unlock adjacent, the earliest first.
auto key_of(const entry& e) {
  return std::tuple(e.range.offset, e.range.length, e.open, e.id);
}

int height_of(const node* n) {
  return n != nullptr ? n->height : 0;
}

int balance_of(const node* n) {
  return height_of(n->left) - height_of(n->right);
}

void update(node* n) {
  n->height = 1 + std::max(height_of(n->left), height_of(n->right));
  n->reached = {};
  n->reached.include(reach{end_of(n->range), n->open});
  if (n->left != nullptr)
    n->reached.include(n->left->reached);
  if (n->right != nullptr)
    n->reached.include(n->right->reached);
}

node* rotate_right(node* n) {
  node* top = n->left;
  n->left = top->right;
  top->right = n;
  update(n);
  update(top);
  return top;
}

node* rotate_left(node* n) {
  node* top = n->right;
  n->right = top->left;
  top->left = n;
  update(n);
  update(top);
  return top;
}

node* rebalance(node* n) {
  const int balance = balance_of(n);
  if (balance > 1) {
    if (balance_of(n->left) < 0)
      n->left = rotate_left(n->left);
    return rotate_right(n);
  }
  if (balance < -1) {
    if (balance_of(n->right) > 0)
      n->right = rotate_right(n->right);
    return rotate_left(n);
  }
  update(n);
  return n;
}

node* insert(node* root, node* fresh) {
  if (root == nullptr) {
    update(fresh);
    return fresh;
  }
  if (key_of(*fresh) < key_of(*root))
    root->left = insert(root->left, fresh);
  else
    root->right = insert(root->right, fresh);
  return rebalance(root);
}

node* detach_least(node* root, node*& least) {
  if (root->left == nullptr) {
    least = root;
    return root->right;
  }
  root->left = detach_least(root->left, least);
  return rebalance(root);
}

node* detach(node* root, const node* gone) {
  assert(root != nullptr);
  if (root == gone) {
    if (root->left == nullptr)
      return root->right;
    if (root->right == nullptr)
      return root->left;
    node* successor = nullptr;
    node* rest = detach_least(root->right, successor);
    successor->left = root->left;
    successor->right = rest;
    return rebalance(successor);
  }
  if (key_of(*gone) < key_of(*root))
    root->left = detach(root->left, gone);
  else
    root->right = detach(root->right, gone);
  return rebalance(root);
}

/// Returns a lock in the tree that overlaps `range`, ignoring those of `except`; null if there is
/// none.
const node* find_overlap(
  const node* root, const byte_range& range, const std::optional<open_id>& except) {
  const position from = start_of(range);
  const position to = end_of(range);
  for (const node* n = root; n != nullptr;) {
    // If the left subtree reaches `from` but contains no overlap, then its reaching lock starts
    // after `to`, and so does everything to its right.
    if (n->left != nullptr && n->left->reached.get_to(from, except)) {
      n = n->left;
      continue;
    }
    if (start_of(n->range) > to)
      return nullptr;
    if (end_of(n->range) >= from && !(except && n->open == *except))
      return n;
    n = n->right;
  }
  return nullptr;
}

/// Returns the earliest lock of `open` in the tree with exactly `range`; null if there is none.
node* find_first(node* root, open_id open, const byte_range& range) {
  const auto wanted = std::tuple(range.offset, range.length, open, std::uint64_t{0});
  node* found = nullptr;
  for (node* n = root; n != nullptr;) {
    if (key_of(*n) < wanted) {
      n = n->right;
    } else {
      found = n;
      n = n->left;
    }
  }
  return found != nullptr && found->open == open && found->range == range ? found : nullptr;
}

bool is_consistent_below(const node* n) {
  if (n == nullptr)
    return true;
  if (!is_consistent_below(n->left) || !is_consistent_below(n->right))
    return false;
  node copy;
  static_cast<entry&>(copy) = *n;
  copy.left = n->left;
  copy.right = n->right;
  update(&copy);
  const auto same = [](const std::optional<reach>& a, const std::optional<reach>& b) {
    return a.has_value() == b.has_value() && (!a || a->end == b->end);
  };
  const bool ordered = (n->left == nullptr || key_of(*n->left) < key_of(*n)) &&
    (n->right == nullptr || key_of(*n) < key_of(*n->right));
  return ordered && balance_of(n) >= -1 && balance_of(n) <= 1 && n->height == copy.height &&
    same(n->reached.first, copy.reached.first) && same(n->reached.second, copy.reached.second);
}

} // namespace

struct lock_table::impl {
  struct of_open {
    node* first = nullptr;
    node* last = nullptr;
    std::size_t count = 0;
  };

  impl() = default;
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  ~impl() {
    // Iterate, because destroying the chain recursively could overflow the stack.
    while (first)
      first = std::move(first->next);
  }

  node*& tree(bool exclusive, bool empty) {
    return trees[(exclusive ? 2U : 0U) + (empty ? 1U : 0U)];
  }
  [[nodiscard]] node* tree(bool exclusive, bool empty) const {
    return trees[(exclusive ? 2U : 0U) + (empty ? 1U : 0U)];
  }

  /// Returns a lock of one kind that overlaps `range`, empty or not; null if there is none. Two
  /// empty ranges never overlap.
  [[nodiscard]] const node* overlap(
    bool exclusive, const byte_range& range, const std::optional<open_id>& except) const {
    const node* found = find_overlap(tree(exclusive, false), range, except);
    if (found == nullptr && range.length != 0)
      found = find_overlap(tree(exclusive, true), range, except);
    return found;
  }

  void link(std::unique_ptr<node> owned) {
    node* fresh = owned.get();
    node*& root = tree(fresh->exclusive, fresh->range.length == 0);
    root = insert(root, fresh);
    fresh->previous = last;
    (last != nullptr ? last->next : first) = std::move(owned);
    last = fresh;
    of_open& mine = opens[fresh->open];
    fresh->previous_of_open = mine.last;
    (mine.last != nullptr ? mine.last->next_of_open : mine.first) = fresh;
    mine.last = fresh;
    ++mine.count;
    ++size;
  }

  /// Removes `gone` from all structures and returns it.
  std::unique_ptr<node> unlink(node* gone) {
    node*& root = tree(gone->exclusive, gone->range.length == 0);
    root = detach(root, gone);
    const auto it = opens.find(gone->open);
    of_open& mine = it->second;
    (gone->previous_of_open != nullptr ? gone->previous_of_open->next_of_open : mine.first) =
      gone->next_of_open;
    (gone->next_of_open != nullptr ? gone->next_of_open->previous_of_open : mine.last) =
      gone->previous_of_open;
    if (--mine.count == 0)
      opens.erase(it);
    --size;
    (gone->next ? gone->next->previous : last) = gone->previous;
    std::unique_ptr<node>& holder = gone->previous != nullptr ? gone->previous->next : first;
    std::unique_ptr<node> owned = std::move(holder);
    holder = std::move(owned->next);
    return owned;
  }

  std::array<node*, 4> trees{};
  std::unique_ptr<node> first;
  node* last = nullptr;
  std::unordered_map<open_id, of_open> opens;
  std::size_t size = 0;
  std::uint64_t last_id = 0;
};

lock_table::lock_table() noexcept = default;
lock_table::~lock_table() = default;
lock_table::lock_table(lock_table&&) noexcept = default;
lock_table& lock_table::operator=(lock_table&&) noexcept = default;

lock_table::entry& lock_table::add(open_id open, const byte_range& range, bool exclusive,
  time_point acquired_at, std::string record_id) {
  assert(range.is_valid());
  if (!impl_)
    impl_ = std::make_unique<impl>();
  auto fresh = std::make_unique<node>();
  static_cast<entry&>(*fresh) =
    entry{++impl_->last_id, open, range, exclusive, acquired_at, std::move(record_id)};
  entry& result = *fresh;
  impl_->link(std::move(fresh));
  return result;
}

void lock_table::keep_above(std::uint64_t id) {
  if (!impl_)
    impl_ = std::make_unique<impl>();
  impl_->last_id = std::max(impl_->last_id, id);
}

std::uint64_t lock_table::last_id() const noexcept {
  if (!impl_)
    return 0;
  // Does not compile with a new member, which a snapshot might need.
  const auto& [trees, first, last, opens, size, last_id] = *impl_;
  return last_id;
}

const lock_table::entry* lock_table::conflict(
  open_id open, const byte_range& range, bool exclusive) const noexcept {
  if (!impl_)
    return nullptr;
  // MS-FSA 2.1.5.8: shared locks are compatible with each other and with an exclusive lock of the
  // same open.
  if (!exclusive)
    return impl_->overlap(true, range, open);
  const node* found = impl_->overlap(true, range, std::nullopt);
  return found != nullptr ? found : impl_->overlap(false, range, std::nullopt);
}

const lock_table::entry* lock_table::conflict_of_old(
  open_id open, const byte_range& range, bool exclusive) const noexcept {
  if (!exclusive || !impl_)
    return conflict(open, range, exclusive);
  const node* found = impl_->overlap(true, range, std::nullopt);
  return found != nullptr ? found : impl_->overlap(false, range, open);
}

const lock_table::entry* lock_table::io_conflict(
  open_id open, const byte_range& range, bool is_write) const noexcept {
  if (!impl_ || range.length == 0)
    return nullptr;
  const node* found = find_overlap(impl_->tree(true, false), range, open);
  // A write conflicts with every shared lock, including those of the same open.
  if (found == nullptr && is_write)
    found = find_overlap(impl_->tree(false, false), range, std::nullopt);
  return found;
}

lock_table::entry* lock_table::find_exact(open_id open, const byte_range& range) noexcept {
  if (!impl_)
    return nullptr;
  const bool empty = range.length == 0;
  node* found = find_first(impl_->tree(true, empty), open, range);
  return found != nullptr ? found : find_first(impl_->tree(false, empty), open, range);
}

const lock_table::entry* lock_table::find_exact(
  open_id open, const byte_range& range) const noexcept {
  if (!impl_)
    return nullptr;
  const bool empty = range.length == 0;
  const node* found = find_first(impl_->tree(true, empty), open, range);
  return found != nullptr ? found : find_first(impl_->tree(false, empty), open, range);
}

void lock_table::erase(const entry* gone) noexcept {
  // Every entry that the table returns is a non-const node that it owns.
  impl_->unlink(const_cast<node*>(static_cast<const node*>(gone)));
}

std::vector<lock_table::entry> lock_table::erase_all_of(open_id open) {
  std::vector<entry> removed;
  if (!impl_)
    return removed;
  const auto it = impl_->opens.find(open);
  if (it == impl_->opens.end())
    return removed;
  removed.reserve(it->second.count);
  for (node* n = it->second.first; n != nullptr;) {
    node* next = n->next_of_open;
    removed.push_back(std::move(static_cast<entry&>(*impl_->unlink(n))));
    n = next;
  }
  return removed;
}

std::size_t lock_table::count_of(open_id open) const noexcept {
  if (!impl_)
    return 0;
  const auto it = impl_->opens.find(open);
  return it != impl_->opens.end() ? it->second.count : 0;
}

std::size_t lock_table::size() const noexcept {
  return impl_ ? impl_->size : 0;
}

bool lock_table::any_below(std::uint64_t offset) const noexcept {
  if (!impl_)
    return false;
  return std::any_of(impl_->trees.begin(), impl_->trees.end(), [offset](const node* least) {
    while (least != nullptr && least->left != nullptr)
      least = least->left;
    return least != nullptr && least->range.offset < offset;
  });
}

void lock_table::for_each(const std::function<void(const entry&)>& visit) const {
  if (!impl_)
    return;
  for (const node* n = impl_->first.get(); n != nullptr; n = n->next.get())
    visit(*n);
}

void lock_table::for_each_of(open_id open, const std::function<void(const entry&)>& visit) const {
  if (!impl_)
    return;
  const auto it = impl_->opens.find(open);
  if (it == impl_->opens.end())
    return;
  for (const node* n = it->second.first; n != nullptr; n = n->next_of_open)
    visit(*n);
}

bool lock_table::is_consistent() const {
  return !impl_ || std::all_of(impl_->trees.begin(), impl_->trees.end(), [](const node* root) {
    return is_consistent_below(root);
  });
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
