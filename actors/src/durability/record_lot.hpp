// What a file sends to the persistence actor.
#pragma once

#include "clients/client.hpp"
#include "completion/operation.hpp"

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/stored_change.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// A completion that waits for the store.
struct gated_answer {
  file_ref file;
  std::unique_ptr<operation> op;
  completion with;
  std::uint64_t number = 0; ///< The number of the addition that it waits for.
};

/// A file with records that are not stored yet.
struct changed_file {
  file_ref file;
  std::uint64_t number = 0; ///< As `gated_answer::number`.
};

/// The changes of one command.
struct record_lot {
  file_ref changed; ///< If set, is notified when the changes are stored.
  std::vector<stored_change> changes;
  /// Durable mode: completions to deliver when all changes submitted so far are stored.
  std::vector<gated_answer> answers;
  time_point since{};
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
