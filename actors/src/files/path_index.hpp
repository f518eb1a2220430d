// The index of opens by root and path. It finds the opens that the rename of a directory affects,
// and the files that a listing chooses by path.
//
// It consists of shards behind leaf mutexes, chosen by directory. Entering an open takes one
// look-up, and allocates only for the first open of a directory, or when a table grows. Renames and
// listings by the beginning of a path scan all directories that have opens. Listings by name look
// at one slot of each shard.
#pragma once

#include "name_table.hpp"

#include <leasebreak/model/keyed_hash.hpp>
#include <leasebreak/requests.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class path_index;
class path_search;

/// The path of an open. Belongs to the owner of the open; the index refers to it while it is
/// entered.
class placed_open : private named_node {
public:
  /// Enters the open into `index`, which must outlive it.
  placed_open(path_index& index, std::string root, std::string path, file_name_id file);
  ~placed_open();
  placed_open(const placed_open&) = delete;
  placed_open& operator=(const placed_open&) = delete;

  [[nodiscard]] const file_name_id& file() const noexcept { return file_; }
  [[nodiscard]] const std::string& root() const noexcept { return root_; }
  /// Returns the current path.
  [[nodiscard]] std::string path() const;
  /// Returns the directory above it that is being renamed, if there is one.
  [[nodiscard]] std::optional<file_name_id> renamed_above() const;
  /// Sets whether a rename above counts it as an open. It does not count while it waits for such a
  /// rename, or after it has closed and its name is to be deleted. Its path follows renames
  /// regardless.
  void set_open(bool is_open) noexcept { is_open_.store(is_open); }

private:
  friend class path_index;

  path_index& index_;
  std::atomic<std::uint32_t> shard_{0};
  std::atomic<bool> is_open_{true};
  const std::string root_;
  const file_name_id file_;
  std::string path_; ///< Protected by the shard, like the members that follow.
  placed_open* next_ = nullptr; ///< In the same directory.
  placed_open** link_ = nullptr; ///< The pointer to this node; null: not entered.
};

/// A directory that is being renamed; opens beneath it wait.
struct renamed_tree {
  std::string root;
  std::string path;
  file_name_id directory;
};

/// All opens that have a path. Thread-safe.
class path_index {
public:
  /// Returns the files of all opens beneath a directory, each once, without the directory itself.
  /// With `opens_max`, only those of so many opens.
  [[nodiscard]] std::vector<file_name_id> beneath(std::string_view root, std::string_view directory,
    std::size_t opens_max = std::numeric_limits<std::size_t>::max()) const;
  /// Returns whether an open is beneath a directory; with `file`, whether an open of that file is.
  [[nodiscard]] bool has_beneath(
    std::string_view root, std::string_view directory, const file_name_id* file = nullptr) const;

  /// Updates paths after a rename of a file or directory, including everything beneath it, and
  /// tells searches.
  void rename(std::string_view root, std::string_view from, std::string_view to);

  /// From now until `end_rename`, `renamed_above` returns the directory for everything beneath it.
  void begin_rename(const renamed_tree& what);
  void end_rename(const renamed_tree& what) noexcept;

  /// Returns whether any directory is being renamed. If not, `renamed_above` need not be called.
  [[nodiscard]] bool any_renamed() const noexcept { return renames_count_.load() != 0; }

  /// Returns the directory above `path` that is being renamed, if there is one. If an open is
  /// entered before this call, then either this call sees a rename that began with `begin_rename`,
  /// or the `beneath` of that rename sees the open.
  [[nodiscard]] std::optional<file_name_id> renamed_above(
    std::string_view root, std::string_view path) const;

  // -- for `path_search`

  static constexpr std::size_t parts = 64; ///< The number of shards.

  /// From now until `end_search`, `search` gets the opens that renames move.
  void begin_search(const std::shared_ptr<path_search>& search);
  void end_search(const path_search& search) noexcept;
  /// Shows opens of a shard to `to` until it has enough: all that its request chooses are among
  /// them. Returns how many directories and opens it has looked at.
  [[nodiscard]] std::size_t search(std::size_t part, path_search& to) const;

private:
  friend class placed_open;

  /// Calls `visit` with the files of opens beneath a directory, until it returns false.
  template <class Visit>
  void visit_beneath(std::string_view root, std::string_view directory, const Visit& visit) const;
  void enter(placed_open& open);
  void leave(placed_open& open) noexcept;
  [[nodiscard]] std::string path_of(const placed_open& open) const;

  /// Clients choose the names of directories, but not the roots.
  struct place {
    place(std::string_view r, std::string_view d) noexcept
      : root(r), directory(d), hash(keyed_string_hash{}(d)) {}
    [[nodiscard]] std::size_t shard() const noexcept { return (hash ^ (hash >> 29)) % shard_count; }

    std::string_view root;
    std::string_view directory;
    std::size_t hash;
  };
  struct bucket {
    explicit bucket(const place& p) : root(p.root), directory(p.directory), hash(p.hash) {}

    std::string root;
    std::string directory;
    std::size_t hash;
    mutable placed_open* first = nullptr;
  };
  struct hash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(const place& p) const noexcept { return p.hash; }
    [[nodiscard]] std::size_t operator()(const bucket& b) const noexcept { return b.hash; }
  };
  struct equal {
    using is_transparent = void;
    [[nodiscard]] bool operator()(const bucket& a, const bucket& b) const noexcept {
      return a.root == b.root && a.directory == b.directory;
    }
    [[nodiscard]] bool operator()(const place& a, const bucket& b) const noexcept {
      return a.root == b.root && a.directory == b.directory;
    }
    [[nodiscard]] bool operator()(const bucket& a, const place& b) const noexcept {
      return (*this)(b, a);
    }
  };
  struct alignas(64) shard {
    mutable std::mutex mutex;
    std::unordered_set<bucket, hash, equal> buckets;
    name_table names; ///< The opens in `buckets`.
  };
  static constexpr std::size_t shard_count = parts;
  /// The number of directories without opens that a shard keeps for reuse.
  static constexpr std::size_t empty_max = 64;

  // These require that the shard is locked.
  [[nodiscard]] static const bucket& bucket_at(shard& s, const place& at);
  void link(std::size_t index, const bucket& in, placed_open& open) noexcept;
  static void leave_locked(shard& s, placed_open& open) noexcept;
  [[nodiscard]] static std::size_t search_directories(const shard& s, path_search& to);
  [[nodiscard]] static std::size_t search_names(const shard& s, path_search& to);

  [[nodiscard]] shard& lock(const placed_open& open, std::unique_lock<std::mutex>& held) const;

  mutable std::array<shard, shard_count> shards_;
  /// Changes need the mutex of the first shard, and renames hold those of all shards.
  std::vector<std::weak_ptr<path_search>> searches_;
  mutable std::mutex renames_mutex_;
  std::vector<renamed_tree> renames_;
  std::atomic<std::size_t> renames_count_{0};
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
