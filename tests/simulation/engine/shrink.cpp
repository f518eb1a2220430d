// See shrink.hpp.
#include "shrink.hpp"

#include <algorithm>
#include <cctype>

namespace leasebreak::simulation {

namespace {

/// Returns the kind of a problem, without numbers that differ from run to run.
std::string kind_of(std::string problem) {
  std::erase_if(problem, [](unsigned char c) { return std::isdigit(c) != 0; });
  return problem.substr(0, 12);
}

} // namespace

scene shrunk(const simulation_kind& of, scene s) {
  const auto kind = kind_of(of.run(s, false).problem);
  for (std::size_t piece = s.steps.size() / 2; piece != 0; piece /= 2) {
    for (std::size_t at = 0; at + piece <= s.steps.size();) {
      auto fewer = s;
      const auto first = fewer.steps.begin() + static_cast<std::ptrdiff_t>(at);
      // Keep the time of all later steps.
      span skipped{};
      for (auto it = first; it != first + static_cast<std::ptrdiff_t>(piece); ++it)
        skipped += it->gap;
      const auto next = fewer.steps.erase(first, first + static_cast<std::ptrdiff_t>(piece));
      if (next != fewer.steps.end())
        next->gap += skipped;
      if (kind_of(of.run(fewer, false).problem) != kind)
        at += piece;
      else
        s = std::move(fewer);
    }
  }
  return s;
}

std::string story(const simulation_kind& of, const scene& s) {
  const auto again = of.run(s, true);
  std::string text = again.problem + "\nhistory:\n";
  for (const auto& line : again.history)
    text += "  " + line + "\n";
  return text;
}

} // namespace leasebreak::simulation
