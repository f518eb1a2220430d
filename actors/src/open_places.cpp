// See open_places.hpp.
#include "open_places.hpp"

#include <algorithm>

namespace leasebreak::detail {

// Where it is, or would be.
open_places::place_list::const_iterator open_places::find(const place_list& all, open_id open) {
  return std::lower_bound(
    all.begin(), all.end(), open, [](const auto& placed, open_id id) { return placed.first < id; });
}

void open_places::put(open_id open, std::unique_ptr<placed_open> place) {
  const auto at = find(places_, open);
  if (at == places_.end() || at->first != open)
    places_.emplace(at, open, std::move(place));
}

void open_places::end(open_id open, bool deletes) {
  const auto found = find(places_, open);
  if (found == places_.end() || found->first != open)
    return;
  const auto at = places_.begin() + (found - places_.begin());
  if (deletes) {
    at->second->set_open(false);
    going_.push_back(std::move(at->second));
  }
  places_.erase(at);
}

std::vector<deleted_name> open_places::take_deleted() {
  std::vector<deleted_name> names;
  for (const auto& place : std::exchange(going_, {})) {
    deleted_name name{place->root(), place->path()};
    if (std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  }
  return names;
}

void open_places::name(std::vector<listed_entry>& entries) const {
  for (auto& e : entries)
    if (const auto at = find(places_, e.open); at != places_.end() && at->first == e.open)
      e.path = at->second->path();
}

} // namespace leasebreak::detail
