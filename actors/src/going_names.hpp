// By which of its names a file is to be deleted.
#pragma once

#include "path_index.hpp"

#include <leasebreak/model/effects.hpp>
#include <leasebreak/requests.hpp>

#include <memory>
#include <vector>

namespace leasebreak::detail {

/// The names of opens that asked for the deletion and have ended: those are the ones that go
/// (MS-FSA 2.1.5.15.3). A part of a file actor.
class going_names {
public:
  void add(std::unique_ptr<placed_open> place);

  /// The names, each once.
  [[nodiscard]] std::vector<deleted_name> take();

  /// The deletion was taken back.
  void forget() noexcept { places_.clear(); }

  [[nodiscard]] bool empty() const noexcept { return places_.empty(); }

private:
  std::vector<std::unique_ptr<placed_open>> places_;
};

} // namespace leasebreak::detail
