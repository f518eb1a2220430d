// Checks that a file that is exported and imported behaves like the original.
#pragma once

#include <leasebreak/model/file_state.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace leasebreak::model_test {

/// Returns what differs between the effects of two files; empty: nothing.
[[nodiscard]] std::string difference(const effects& a, const effects& b);

/// Returns what differs between two files at the time `now`, in their bytes, listings and
/// deadlines.
[[nodiscard]] std::string difference(const file_state& a, const file_state& b, time_point now);

/// A copy of a file, which is given all commands of the file, and must have the same effects.
class file_copies {
public:
  /// Every `every` commands, a new copy replaces the last one.
  explicit file_copies(std::uint32_t every) : every_(every) {}

  /// The file is about to be given a command at the time `now`.
  void before(const file_state& file, const file_policy& policy, time_point now);

  /// The file was given a command. Returns what is wrong with the copy; empty: nothing.
  [[nodiscard]] std::string after(
    const command& what, const file_state& file, const effects& out, time_point now);

private:
  std::uint32_t every_;
  std::uint32_t commands_ = 0;
  std::optional<file_state> copy_;
  std::string problem_;
};

} // namespace leasebreak::model_test
