// Bytes of a file's state, and damage to them.
#pragma once

#include <leasebreak/model/file_state.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace leasebreak::model_test {

/// Returns `bytes` with a few random changes: other values, missing, additional and exchanged
/// pieces.
[[nodiscard]] std::string damaged(std::string bytes, std::mt19937_64& random);

/// Imports bytes of unknown origin. If they are a valid state, uses the file until nothing is left.
/// Returns what is wrong; empty: nothing. `accepted` counts the valid ones.
[[nodiscard]] std::string use_unknown_state(const std::string& bytes, std::uint64_t& accepted);

/// Rebuilds a file from two reports of unknown origin, and uses it.
[[nodiscard]] std::string use_unknown_reports(
  const std::string& one, const std::string& other, std::uint64_t& accepted);

} // namespace leasebreak::model_test
