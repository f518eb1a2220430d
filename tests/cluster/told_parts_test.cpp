// What the owner of a file tells the nodes of its clients. It tells only what may have changed; all
// that it has told must make the same file as all that it knows.
#include "random_steps.hpp"
#include "support/seed.hpp"

#include <leasebreak/cluster/local_files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <regex>

namespace leasebreak::model_test {
namespace {

using cluster::execute_request;
using cluster::file_turn;
using cluster::file_version;
using cluster::files_result;
using cluster::local_files;
using cluster::node_of;
using cluster::node_part;
using cluster::open_slot;

constexpr node_id this_node{9};
constexpr std::uint64_t this_term = 4;
constexpr std::uint64_t next_term = 5;

/// The owner of one file, and what it has told.
class told_parts {
public:
  explicit told_parts(const file_policy& policy) : policy_(&policy), files_(this_node, policy) {
    std::vector<files_result> unused;
    files_.execute(open_slot{0, this_term, {}}, {}, unused);
  }

  /// Executes a command as the owner of the file does.
  void execute(command what, time_point now) {
    std::vector<files_result> out;
    if (std::holds_alternative<deadline_reached>(what)) {
      files_.expire(now, false, out);
    } else {
      const auto origin = origin_of(what);
      put_on(what, origin);
      files_.execute(
        execute_request{{0, this_term, ++last_request_, "f", std::move(what), {}}, origin}, now,
        out);
    }
    for (auto& each : out)
      take(std::get<file_turn>(each), now);
  }

  /// Returns how the file that the next owner would make differs from this one.
  [[nodiscard]] std::string compare(time_point now) const {
    const auto* const owned = files_.find(0, "f");
    if (owned == nullptr)
      return parts_.empty() ? "" : "something is left of a file without state";
    auto told = rebuild(told_reports(now), now);
    auto known = rebuild(reports_of(*owned, {node_id::none, first_node, second_node}, now), now);
    // What passes with time alone is not told.
    for (auto* const file : {&told, &known})
      if (const auto due = file->next_deadline(); due && *due <= now)
        (void)file->apply(deadline_reached{}, now);
    if (description(told) != description(known))
      return "told:\n" + description(told) + "known:\n" + description(known);
    if (told.next_deadline() != known.next_deadline())
      return "another deadline was told";
    return compare_copies(now);
  }

private:
  struct told_part {
    file_snapshot part;
    time_point at;
    file_version version;
  };

  [[nodiscard]] static node_id node_of_client(const client_guid& client) {
    return client == bob.guid ? second_node : first_node;
  }

  // The numbers of holds and breaks are above the owner's term.
  template <class Id>
  [[nodiscard]] static Id of_the_owner(Id id) {
    return static_cast<Id>(static_cast<std::uint64_t>(id) | this_term << 40U);
  }

  // The node of the client that sends the command.
  [[nodiscard]] node_id origin_of(const command& what) const {
    const auto* const file = files_.find(0, "f");
    return std::visit(
      [&](const auto& c) {
        if constexpr (requires { c.client.bytes; })
          if (!c.client.is_zero())
            return node_of_client(c.client);
        if constexpr (requires { c.open; })
          if (file != nullptr && !file->holder_of(c.open).is_zero())
            return node_of_client(file->holder_of(c.open));
        if constexpr (requires { c.target; })
          if (const auto at = origins_.find(c.target); at != origins_.end())
            return at->second;
        if constexpr (requires { c.hold; })
          if (const auto at = holds_.find(of_the_owner(c.hold)); at != holds_.end())
            return at->second;
        return first_node;
      },
      what);
  }

  void put_on(command& what, node_id origin) {
    const auto on = [](node_id node, operation_id operation) {
      return cluster::operation_of(node, static_cast<std::uint64_t>(operation));
    };
    std::visit(
      [&](auto& c) {
        if constexpr (requires { c.operation; }) {
          origins_[c.operation] = origin;
          c.operation = on(origin, c.operation);
        }
        if constexpr (requires { c.target; })
          c.target = on(origin, c.target);
        if constexpr (requires { c.node; })
          c.node = origin;
        if constexpr (requires { c.hold; })
          c.hold = of_the_owner(c.hold);
        if constexpr (requires { c.offer; })
          c.id = of_the_owner(c.id);
      },
      what);
  }

  // A node knows of its clients what was told, except the epochs of notifications that the owner
  // holds back.
  [[nodiscard]] std::string compare_copies(time_point now) const {
    for (const auto& [node, copy] : copies_) {
      const auto of_node = rebuild(told_reports(now, node), now);
      const std::regex epoch(" epoch [0-9]+");
      const auto known = std::regex_replace(description(copy), epoch, "");
      const auto told = std::regex_replace(description(of_node), epoch, "");
      if (known != told)
        return "copy:\n" + known + "told:\n" + told;
    }
    return "";
  }

  void take_into_copy(const node_part& part, time_point now) {
    auto& copy = copies_.try_emplace(part.node, *policy_, "f").first->second;
    const auto& what = part.what.part;
    const auto done =
      copy.replace_client(part.node, part.what.client, what ? &*what : nullptr, now);
    EXPECT_EQ(done.problem, "");
  }

  void take(const file_turn& turn, time_point now) {
    for (const auto& c : turn.completions)
      if (const auto* const access = std::get_if<access_granted>(&c.result))
        holds_[access->hold] = node_of(c.operation);
      else if (const auto* const opened = std::get_if<open_granted>(&c.result))
        holds_[opened->hold] = node_of(c.operation);
      else if (const auto* const closed = std::get_if<open_closed>(&c.result))
        holds_[closed->hold] = node_of(c.operation);
    for (const auto& part : turn.parts)
      take_into_copy(part, now);
    for (const auto& part : turn.parts)
      if (part.what.part)
        parts_[{part.node, part.what.client}] = {*part.what.part, now, turn.version};
      else
        parts_.erase({part.node, part.what.client});
  }

  [[nodiscard]] std::vector<node_report> told_reports(
    time_point now, std::optional<node_id> node = {}) const {
    std::vector<std::pair<file_version, node_report>> all;
    for (const auto& [of, told] : parts_)
      if (!node || of.first == *node)
        all.push_back({told.version, {of.first, told.part, now - told.at}});
    std::ranges::stable_sort(all, [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<node_report> reports;
    for (auto& [version, report] : all)
      reports.push_back(std::move(report));
    return reports;
  }

  [[nodiscard]] file_state rebuild(const std::vector<node_report>& reports, time_point now) const {
    effects unused;
    auto made = file_state::rebuild(*policy_, "f", next_term, reports, now, unused);
    if (const auto* const error = std::get_if<snapshot_error>(&made)) {
      ADD_FAILURE() << to_string(*error);
      return {*policy_, "f"};
    }
    return std::move(std::get<file_state>(made));
  }

  // Without the state that a break must reach: pending operations, which the next owner executes
  // again, lower it.
  [[nodiscard]] static std::string description(const file_state& file) {
    std::vector<std::string> lines;
    for (const auto& entry : file.list({})) {
      const auto line = describe(entry);
      lines.push_back(line.substr(0, line.find(" breaking to ")));
    }
    std::ranges::sort(lines); // locks are numbered again in a copy
    std::string text = file.is_delete_pending() ? "to be deleted\n" : "";
    for (const auto& line : lines)
      text += line + "\n";
    return text + std::to_string(file.breaking()) + " breaks\n";
  }

  const file_policy* policy_;
  local_files files_;
  std::uint64_t last_request_ = 0;
  std::map<operation_id, node_id> origins_;
  std::map<hold_id, node_id> holds_;
  std::map<std::pair<node_id, client_guid>, told_part> parts_;
  std::map<node_id, file_state> copies_;
};

bool is_in_clusters(const command& what) {
  return !std::holds_alternative<load_record>(what) && !std::holds_alternative<grace_ended>(what) &&
    !std::holds_alternative<stop_waiting>(what);
}

void run_with_told_parts(bool is_directory, int sequences) {
  std::mt19937_64 random(test::seed_of_this_run());
  for (int i = 0; i < sequences && !testing::Test::HasFailure(); ++i) {
    const file_policy policy;
    told_parts told(policy);
    bool is_over = false;
    std::string problem;
    simulation run(is_directory);
    run.use_nodes();
    run.hear = [&](const command& what, time_point now) {
      is_over = is_over || !is_in_clusters(what);
      if (is_over || !problem.empty())
        return;
      told.execute(what, now);
      problem = told.compare(now);
      if (!problem.empty())
        problem += "after " + std::to_string(run.history().size()) + " lines";
    };
    (void)run.run(random_steps(random, 80));
    EXPECT_EQ(problem, "");
    if (testing::Test::HasFailure())
      for (const auto& line : run.history())
        std::cout << line << "\n";
  }
}

TEST(ToldParts, AreAllThatTheOwnerKnowsOfFiles) {
  run_with_told_parts(false, 200);
}

TEST(ToldParts, AreAllThatTheOwnerKnowsOfDirectories) {
  run_with_told_parts(true, 200);
}

} // namespace
} // namespace leasebreak::model_test
