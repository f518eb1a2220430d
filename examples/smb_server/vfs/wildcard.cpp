// Matching by sets of positions in the expression, so that no expression takes exponential time.
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
    // Bytes that are no UTF-8 count as themselves, above all of Unicode.
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

/// The positions of the expression at which matching may stand. Position n is behind its end.
using positions = std::vector<bool>;

/// Adds the positions that are reached without taking a character, before `name[at]`.
void close(positions& set, const std::u32string& expression, bool at_end, bool at_period) {
  for (std::size_t i = 0; i < expression.size(); ++i) {
    if (!set[i]) {
      continue;
    }
    switch (expression[i]) {
    case U'*':
    case U'<':
      set[i + 1] = true;
      break;
    // MS-FSA 2.1.4.4: DOS_QM at a period or the end advances beyond all DOS_QMs that follow.
    case U'>':
      if (at_end || at_period) {
        set[i + 1] = true;
      }
      break;
    // DOS_DOT matches a period, or nothing at the end of the name.
    case U'"':
      if (at_end) {
        set[i + 1] = true;
      }
      break;
    default:
      break;
    }
  }
}

positions step(
  const positions& set, const std::u32string& expression, char32_t c, bool last_period) {
  positions next(set.size(), false);
  for (std::size_t i = 0; i < expression.size(); ++i) {
    if (!set[i]) {
      continue;
    }
    switch (expression[i]) {
    case U'*':
      next[i] = true;
      break;
    // DOS_STAR takes everything but the last period, which is for what follows it.
    case U'<':
      if (!last_period) {
        next[i] = true;
      }
      break;
    case U'?':
      next[i + 1] = true;
      break;
    case U'>':
      if (c != U'.') {
        next[i + 1] = true;
      }
      break;
    case U'"':
      if (c == U'.') {
        next[i + 1] = true;
      }
      break;
    default:
      if (expression[i] == c) {
        next[i + 1] = true;
      }
    }
  }
  return next;
}

} // namespace

bool has_wildcards(std::string_view expression) noexcept {
  return expression.find_first_of("*?<>\"") != std::string_view::npos;
}

bool matches(std::string_view expression, std::string_view name, bool ignore_case) {
  // MS-FSA 2.1.4.4, part 1.
  if (expression == "*" || expression == "*.*") {
    return !name.empty();
  }
  const auto pattern = decode(expression, ignore_case);
  const auto text = decode(name, ignore_case);
  const auto last_period = text.rfind(U'.');

  positions set(pattern.size() + 1, false);
  set[0] = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    close(set, pattern, false, text[at] == U'.');
    set = step(set, pattern, text[at], at == last_period);
  }
  close(set, pattern, true, false);
  return set[pattern.size()];
}

} // namespace leasebreak::smb::vfs
