// The tables of the PostgreSQL store, their migrations, and the statements on them.
#pragma once

#include <leasebreak/model/export.hpp>

#include <span>
#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Returns the statements of each version, in order; the first ones create version 1. The
/// statements of released versions never change.
[[nodiscard]] const std::vector<std::vector<std::string>>& postgres_migrations();

/// Returns the statements that a new session prepares.
[[nodiscard]] const std::vector<std::string>& postgres_statements();

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
