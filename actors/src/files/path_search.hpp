// Finds files by the paths of their opens, for listings.
#pragma once

#include "registry.hpp"

#include <leasebreak/requests.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class path_index;

/// Finds the next files for a page of a listing: those with an open whose path the request chooses.
/// A file is found if one of its opens has such a path during the whole search, even if a rename
/// moves the open meanwhile. Others may be found, too; the files know.
///
/// It looks at a part of the index at a time, and keeps the ids for one page. A request that
/// chooses too many opens is better served by a walk through all files: the search stops early.
///
/// Thread safety: only `moved` may be called concurrently with the others.
class path_search {
public:
  /// How many directories and opens a step looks at, except that it looks at whole shards.
  static constexpr std::size_t step_size = 1'024;
  /// How many opens a search looks at before it stops early.
  static constexpr std::size_t opens_max = 16'384;

  /// Searches for files that follow `after` in the order of listings, at most `most`, which is not
  /// zero. Empty: from the beginning.
  [[nodiscard]] static std::shared_ptr<path_search> begin(
    path_index& index, const list_request& what, std::string_view after, std::size_t most);

  /// Looks at the next part of `index`, which must be the same each time. Returns false when there
  /// are no more.
  [[nodiscard]] bool go_on(path_index& index, std::size_t size = step_size);

  /// Returns whether it has not looked at all opens.
  [[nodiscard]] bool has_stopped_early() const noexcept { return stopped_early_.load(); }
  /// Returns the ids in the order of `file_registry::ids_after`.
  [[nodiscard]] std::vector<file_name_id> take();

  // -- for the index, which holds the mutex of the open's shard

  [[nodiscard]] const list_request& what() const noexcept { return what_; }
  /// Looks at an open. Returns false if that was enough.
  bool look_at(std::string_view path, std::string_view file);
  /// A rename has changed the path of an open.
  void moved(std::string_view path, std::string_view file) noexcept;

private:
  /// The position of a file in a listing.
  struct position {
    std::size_t shard;
    file_name_id file;
  };
  struct position_view {
    std::size_t shard;
    std::string_view file;
  };
  struct earlier {
    using is_transparent = void;
    template <class A, class B>
    [[nodiscard]] bool operator()(const A& a, const B& b) const noexcept {
      return a.shard != b.shard ? a.shard < b.shard
                                : std::string_view(a.file) < std::string_view(b.file);
    }
  };

  path_search(const list_request& what, std::string_view after, std::size_t most);
  void add(std::string_view file);

  const list_request what_;
  const position after_;
  const std::size_t most_;
  std::size_t part_ = 0; ///< Of the index.
  std::size_t opens_ = 0; ///< That have been looked at.
  std::set<position, earlier> found_; ///< Protected by the mutexes of the index.
  std::atomic<bool> stopped_early_{false};
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
