// Matches with sets of positions in the expression, stored as bits of words.
#include "wildcard.hpp"

#include "utf8.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace leasebreak::smb::vfs {

namespace {

std::u32string decode(std::string_view text, bool ignore_case) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    // Map each byte that is not UTF-8 to a value above Unicode.
    char32_t c = 0x110000U + static_cast<unsigned char>(text.front());
    if (const auto taken = detail::take_character(text)) {
      c = *taken;
    } else {
      text.remove_prefix(1);
    }
    out += ignore_case && c >= U'a' && c <= U'z' ? c - 32 : c;
  }
  return out;
}

constexpr std::size_t word_bits = 64;

void add(std::vector<std::uint64_t>& set, std::size_t position) {
  set[position / word_bits] |= std::uint64_t{1} << (position % word_bits);
}

bool has(const std::vector<std::uint64_t>& set, std::size_t position) {
  return (set[position / word_bits] >> (position % word_bits) & 1) != 0;
}

} // namespace

bool has_wildcards(std::string_view expression) noexcept {
  return expression.find_first_of("*?<>\"") != std::string_view::npos;
}

wildcard::wildcard(std::string_view expression, bool ignore_case)
  // MS-FSA 2.1.4.4, part 1.
  : ignore_case_(ignore_case), takes_all_(expression == "*" || expression == "*.*") {
  const auto pattern = decode(expression, ignore_case);
  end_ = pattern.size();
  none_.assign(end_ / word_bits + 1, 0);
  star_ = question_ = dos_star_ = dos_qm_ = dos_dot_ = none_;
  for (std::size_t i = 0; i < end_; ++i) {
    switch (pattern[i]) {
    case U'*':
      add(star_, i);
      break;
    case U'?':
      add(question_, i);
      break;
    case U'<':
      add(dos_star_, i);
      break;
    case U'>':
      add(dos_qm_, i);
      break;
    case U'"':
      add(dos_dot_, i);
      break;
    default: {
      auto at = std::lower_bound(characters_.begin(), characters_.end(), pattern[i],
        [](const auto& entry, char32_t c) { return entry.first < c; });
      if (at == characters_.end() || at->first != pattern[i]) {
        at = characters_.emplace(at, pattern[i], none_);
      }
      add(at->second, i);
    }
    }
  }
}

const wildcard::positions& wildcard::of_character(char32_t c) const {
  const auto at = std::lower_bound(characters_.begin(), characters_.end(), c,
    [](const auto& entry, char32_t wanted) { return entry.first < wanted; });
  return at != characters_.end() && at->first == c ? at->second : none_;
}

/// Adds the positions that are reachable without consuming a character.
void wildcard::pass_over(positions& set, bool at_end, bool at_period) const {
  std::uint64_t carry = 0;
  for (std::size_t w = 0; w < set.size(); ++w) {
    std::uint64_t free = star_[w] | dos_star_[w];
    // MS-FSA 2.1.4.4: DOS_QM at a period or the end advances beyond all DOS_QMs that follow.
    if (at_end || at_period) {
      free |= dos_qm_[w];
    }
    // DOS_DOT matches a period, or nothing at the end of the name.
    if (at_end) {
      free |= dos_dot_[w];
    }
    // The addition carries a bit through its run of ones to the position after it. The changed bits
    // are the positions reached. A carry out of the word is a position in the next word.
    set[w] |= carry;
    const std::uint64_t begin = set[w] & free;
    const std::uint64_t sum = free + begin;
    carry = sum < free ? 1 : 0;
    set[w] |= sum ^ free;
  }
}

/// Consumes a character.
void wildcard::take(positions& set, char32_t c, bool last_period) const {
  const positions& same = of_character(c);
  std::uint64_t carry = 0;
  for (std::size_t w = 0; w < set.size(); ++w) {
    // DOS_STAR consumes everything up to and including the last period, but nothing after it.
    const std::uint64_t staying = star_[w] | (last_period ? 0 : dos_star_[w]);
    const std::uint64_t moving = same[w] | question_[w] | (c == U'.' ? dos_dot_[w] : dos_qm_[w]) |
      (last_period ? dos_star_[w] : 0);
    const std::uint64_t moved = set[w] & moving;
    set[w] = (set[w] & staying) | moved << 1 | carry;
    carry = moved >> (word_bits - 1);
  }
}

bool wildcard::matches(std::string_view name) const {
  if (takes_all_) {
    return !name.empty();
  }
  const auto text = decode(name, ignore_case_);
  const auto last_period = text.rfind(U'.');
  positions set = none_;
  add(set, 0);
  for (std::size_t at = 0; at < text.size(); ++at) {
    pass_over(set, false, text[at] == U'.');
    take(set, text[at], at == last_period);
  }
  pass_over(set, true, false);
  return has(set, end_);
}

bool matches(std::string_view expression, std::string_view name, bool ignore_case) {
  return wildcard(expression, ignore_case).matches(name);
}

} // namespace leasebreak::smb::vfs
