// The names under which a file is to be deleted.
#pragma once

#include "path_index.hpp"

#include <leasebreak/model/effects.hpp>
#include <leasebreak/requests.hpp>

#include <memory>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// The names of ended opens that asked for the deletion: these names are deleted (MS-FSA
/// 2.1.5.15.3). A part of a file actor.
class going_names {
public:
  void add(std::unique_ptr<placed_open> place);

  /// Returns each name once.
  [[nodiscard]] std::vector<deleted_name> take();

  /// Forgets the names, because the deletion was cancelled.
  void forget() noexcept { places_.clear(); }

  [[nodiscard]] bool empty() const noexcept { return places_.empty(); }

private:
  std::vector<std::unique_ptr<placed_open>> places_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
