// The tables of the PostgreSQL store, how they came about, and the statements on them.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace leasebreak::detail {

/// The statements of each version, in order: the first make version 1 of nothing. Released versions
/// are never changed, only added to.
[[nodiscard]] const std::vector<std::vector<std::string>>& postgres_migrations();

/// What a new session prepares.
[[nodiscard]] const std::vector<std::string>& postgres_statements();

} // namespace leasebreak::detail
