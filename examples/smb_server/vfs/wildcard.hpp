// Matching of names against SMB wildcard expressions (MS-FSA 2.1.4.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leasebreak::smb::vfs {

/// Whether the expression has any of `*`, `?`, `<`, `>` and `"`.
[[nodiscard]] bool has_wildcards(std::string_view expression) noexcept;

/// An expression that many names are matched against: `*` is any characters, `?` one character, `<`
/// (DOS_STAR) any characters up to the last period, `>` (DOS_QM) one character or none before a
/// period or the end, `"` (DOS_DOT) a period or the end. Expression and names are UTF-8. With
/// `ignore_case`, ASCII letters of either case are equal.
///
/// All positions of the expression at which matching may stand are bits of a number, which a
/// character of the name moves in one go: a match takes time in the length of the name, times that
/// of the expression divided by 64, whatever the expression is.
class wildcard {
public:
  explicit wildcard(std::string_view expression, bool ignore_case = false);

  [[nodiscard]] bool matches(std::string_view name) const;

private:
  /// Positions of the expression, the least first. Position n is behind its end.
  using positions = std::vector<std::uint64_t>;

  [[nodiscard]] const positions& of_character(char32_t c) const;
  void pass_over(positions& set, bool at_end, bool at_period) const;
  void take(positions& set, char32_t c, bool last_period) const;

  bool ignore_case_;
  bool takes_all_ = false;
  std::size_t end_ = 0;
  positions none_;
  positions star_;
  positions question_;
  positions dos_star_;
  positions dos_qm_;
  positions dos_dot_;
  std::vector<std::pair<char32_t, positions>> characters_; ///< By character.
};

/// Whether `name` matches, for a single name.
[[nodiscard]] bool matches(
  std::string_view expression, std::string_view name, bool ignore_case = false);

} // namespace leasebreak::smb::vfs
