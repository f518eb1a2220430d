// Access to the private state of a file's state machine, for tests that distinguish its states.
#pragma once

#include "file/impl.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI {

struct file_state_peek {
  [[nodiscard]] static const auto& of(const file_state& file) { return *file.impl_; }
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
