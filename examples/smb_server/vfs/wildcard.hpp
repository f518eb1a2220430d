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

/// A compiled expression, for matching many names: `*` is any characters, `?` one character, `<`
/// (DOS_STAR) any characters up to the last period, `>` (DOS_QM) one character, or none before a
/// period or the end, `"` (DOS_DOT) a period or the end. Expression and names are UTF-8. With
/// `ignore_case`, ASCII letters are case-insensitive.
///
/// The set of possible positions in the expression is a bit set, which is advanced by each
/// character of the name. A match therefore takes time proportional to the length of the name,
/// times that of the expression divided by 64, for any expression.
class wildcard {
public:
  explicit wildcard(std::string_view expression, bool ignore_case = false);

  [[nodiscard]] bool matches(std::string_view name) const;

private:
  /// A set of positions in the expression, the lowest bit first. Position n is its end.
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

/// Matches a single name.
[[nodiscard]] bool matches(
  std::string_view expression, std::string_view name, bool ignore_case = false);

} // namespace leasebreak::smb::vfs
