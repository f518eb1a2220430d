// Where the opens of one file are, and by which of its names it is to be deleted.
#pragma once

#include "path_index.hpp"

#include <leasebreak/model/effects.hpp>
#include <leasebreak/requests.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace leasebreak::detail {

/// A part of a file actor.
class open_places {
public:
  /// Without effect if the open has a place already.
  void put(open_id open, std::unique_ptr<placed_open> place);

  /// The open has ended. If it asked for the deletion of the file, which is pending still, its name
  /// is kept: it is the one that goes (MS-FSA 2.1.5.15.3).
  void end(open_id open, bool deletes);

  /// The names that go, each once.
  [[nodiscard]] std::vector<deleted_name> take_deleted();

  /// The deletion was taken back.
  void forget_deletion() noexcept { going_.clear(); }

  /// Fills in the paths of what is listed.
  void name(std::vector<listed_entry>& entries) const;

  [[nodiscard]] bool empty() const noexcept { return places_.empty() && going_.empty(); }
  [[nodiscard]] bool any_deleted() const noexcept { return !going_.empty(); }

private:
  using place_list = std::vector<std::pair<open_id, std::unique_ptr<placed_open>>>;

  [[nodiscard]] static place_list::const_iterator find(const place_list& all, open_id open);

  place_list places_; ///< Ordered by open.
  std::vector<std::unique_ptr<placed_open>> going_; ///< Of opens that have ended.
};

} // namespace leasebreak::detail
