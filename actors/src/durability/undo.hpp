// Takes back what was granted but could not be recorded.
#pragma once

#include "record_lot.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Returns whether a failure of the store changes the result. Ended opens and locks are gone,
/// recorded or not, and a disposition stays as it was set.
[[nodiscard]] bool can_be_undone(const gated_answer& a);

/// Sends the file the commands that end what was granted. Does nothing for a replay, whose effects
/// are undone with the original request. Precondition: `can_be_undone`.
void undo(const gated_answer& a);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
