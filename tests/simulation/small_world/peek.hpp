// What a file's state machine keeps to itself, for tests that tell its states apart.
#pragma once

#include "file/impl.hpp"

namespace leasebreak {

struct file_state_peek {
  [[nodiscard]] static const auto& of(const file_state& file) { return *file.impl_; }
};

} // namespace leasebreak
