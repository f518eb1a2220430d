#include "search.hpp"

#include "scene.hpp"
#include "state_set.hpp"

#include <algorithm>
#include <sstream>

namespace leasebreak::small_world {

namespace {

/// The first history that reached a state.
struct node {
  std::uint32_t parent = 0;
  action step;
};

/// A history whose state was known already.
struct duplicate {
  std::uint32_t parent = 0;
  action step;
  std::uint32_t first = 0; ///< The first history that reached the state.
};

/// One in this many duplicates is compared with the first history of its state.
constexpr std::size_t compared_of = 512;

class searcher {
public:
  searcher(const profile& p, const bounds& within, fault what)
    : profile_(p), within_(within), fault_(what), until_(std::chrono::steady_clock::now()) {
    const auto never = std::chrono::steady_clock::time_point::max();
    until_ = within.time < never - until_ ? until_ + within.time : never;
  }

  report run() {
    seen_.insert(fingerprint::of(scene(profile_, fault_).canonical()));
    nodes_.push_back({});
    found_.states_within_depth = 1;
    std::size_t first = 0;
    while (found_.depth < within_.depth && found_.problem.empty()) {
      const auto end = nodes_.size();
      for (auto i = first; i < end && found_.problem.empty(); ++i) {
        if (is_over())
          return finish();
        expand(static_cast<std::uint32_t>(i));
      }
      compare_duplicates();
      if (!found_.problem.empty() || is_over())
        break;
      ++found_.depth;
      found_.states_within_depth = nodes_.size();
      first = end;
      if (nodes_.size() == end) {
        found_.is_exhausted = true;
        break;
      }
    }
    return finish();
  }

private:
  report finish() {
    found_.states = nodes_.size();
    return std::move(found_);
  }

  [[nodiscard]] bool is_over() const {
    return nodes_.size() >= within_.states || std::chrono::steady_clock::now() >= until_;
  }

  [[nodiscard]] std::vector<action> history_of(std::uint32_t i) const {
    std::vector<action> steps;
    for (; i != 0; i = nodes_[i].parent)
      steps.push_back(nodes_[i].step);
    std::ranges::reverse(steps);
    return steps;
  }

  [[nodiscard]] scene replay(const std::vector<action>& history) const {
    scene s(profile_, fault_);
    for (const auto& a : history)
      s.step(a);
    return s;
  }

  void expand(std::uint32_t i) {
    const auto history = history_of(i);
    auto s = replay(history);
    const auto next = s.enabled();
    const auto before = s.canonical_file();
    for (std::size_t n = 0; n < next.size(); ++n) {
      if (n != 0)
        s = replay(history);
      take_step(s, i, next[n], before);
      if (!found_.problem.empty())
        return;
    }
  }

  void take_step(scene& s, std::uint32_t parent, const action& a, const std::string& before) {
    ++found_.steps;
    s.step(a, &before);
    if (s.problem().empty()) {
      const auto state = seen_.insert(fingerprint::of(s.canonical()));
      if (!state.is_new) {
        if (++duplicates_seen_ % compared_of == 0)
          duplicates_.push_back({parent, a, state.number});
        return;
      }
      nodes_.push_back({parent, a});
      s.check_copy();
      s.finish();
    }
    if (!s.problem().empty())
      report_problem(parent, a, s.problem());
  }

  void report_problem(std::uint32_t parent, const action& a, const std::string& what) {
    found_.problem = what;
    found_.history = history_of(parent);
    found_.history.push_back(a);
    scene s(profile_, fault_);
    s.tell(found_.story);
    for (const auto& each : found_.history) {
      const auto before = s.canonical_file();
      s.step(each, &before);
    }
    s.check_copy();
    s.finish();
  }

  // -- checks of the canonical form ---------------------------------------------------------------

  [[nodiscard]] std::vector<fingerprint> successors_of(const std::vector<action>& history) const {
    std::vector<fingerprint> all;
    for (const auto& a : replay(history).enabled()) {
      auto s = replay(history);
      s.step(a);
      all.push_back(fingerprint::of(s.canonical(false)));
    }
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }

  // Merged histories must have the same futures.
  void compare_duplicates() {
    for (const auto& d : duplicates_) {
      if (is_over() || !found_.problem.empty())
        break;
      auto history = history_of(d.parent);
      history.push_back(d.step);
      ++found_.compared;
      if (successors_of(history) == successors_of(history_of(d.first)))
        continue;
      found_.problem = "the canonical form does not distinguish this history from another:\n" +
        describe(profile_, history_of(d.first));
      found_.history = history;
    }
    duplicates_.clear();
  }

  const profile& profile_;
  bounds within_;
  fault fault_;
  std::chrono::steady_clock::time_point until_;
  report found_;
  std::vector<node> nodes_;
  state_set seen_;
  std::vector<duplicate> duplicates_;
  std::size_t duplicates_seen_ = 0;
};

} // namespace

report search(const profile& p, const bounds& within, fault what) {
  return searcher(p, within, what).run();
}

std::string describe(const profile& p, const report& r) {
  std::ostringstream out;
  out << p.name << ": " << r.states_within_depth << " states to depth " << r.depth;
  if (r.is_exhausted)
    out << ", which are all";
  else if (r.states != r.states_within_depth)
    out << ", " << r.states << " with those of depth " << r.depth + 1 << " so far";
  out << "; " << r.steps << " steps checked, " << r.compared << " merged histories compared\n";
  if (!r.problem.empty())
    out << "PROBLEM: " << r.problem << "\nafter\n"
        << describe(p, r.history) << "with these effects:\n"
        << r.story;
  return out.str();
}

} // namespace leasebreak::small_world
