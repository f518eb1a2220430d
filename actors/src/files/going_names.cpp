#include "going_names.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

void going_names::add(std::unique_ptr<placed_open> place) {
  place->set_open(false);
  places_.push_back(std::move(place));
}

std::vector<deleted_name> going_names::take() {
  std::vector<deleted_name> names;
  for (const auto& place : std::exchange(places_, {})) {
    deleted_name name{place->root(), place->path()};
    if (std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  }
  return names;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
