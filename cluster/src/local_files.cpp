// Slots, files, and the turns of files.
#include <leasebreak/cluster/local_files.hpp>

#include "release_requests.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace {

std::pair<client_guid, node_id> user_of(const command& what) {
  return std::visit(
    [](const auto& c) -> std::pair<client_guid, node_id> {
      if constexpr (requires {
                      c.client.bytes;
                      c.node;
                    })
        return {c.client, c.node};
      else
        return {};
    },
    what);
}

/// Tries to rebuild a file from all reports, which are ordered from the newest to the oldest. If
/// they contradict each other, leaves out those that contradict newer ones.
struct rebuilding {
  const file_policy& policy;
  const std::string& file_id;
  std::uint64_t term;
  time_point now;
  effects out{};
  std::vector<node_report> used{};
  std::vector<node_id> lost{};

  std::optional<file_state> all(const std::vector<file_report>& reports) {
    for (const auto& r : reports)
      used.push_back({r.node, r.part, r.age});
    if (auto file = attempt())
      return file;
    used.clear();
    std::optional<file_state> last;
    for (const auto& r : reports) {
      used.push_back({r.node, r.part, r.age});
      if (auto file = attempt()) {
        last = std::move(file);
        continue;
      }
      used.pop_back();
      lost.push_back(r.node);
    }
    return last;
  }

private:
  std::optional<file_state> attempt() {
    effects following;
    auto made = file_state::rebuild(policy, file_id, term, used, now, following);
    auto* const file = std::get_if<file_state>(&made);
    if (file == nullptr)
      return std::nullopt;
    out = std::move(following);
    return std::move(*file);
  }
};

} // namespace

void local_files::execute(
  const files_request& what, time_point now, std::vector<files_result>& out) {
  std::visit([&](const auto& r) { run(r, time_of_files(now), out); }, what);
}

void local_files::run(const open_slot& r, time_point now, std::vector<files_result>& out) {
  auto& slot = slots_[r.slot];
  slot = {r.term, 0, {}};
  std::map<std::string, std::vector<file_report>> by_file;
  std::vector<released_early> done;
  for (auto report : r.reports) {
    if (!LEASEBREAK_MUTANT(no_early_releases))
      for (auto& each : release_early(report, *policy_, now))
        done.push_back(std::move(each));
    for (auto& f : report.files)
      by_file[f.file_id].push_back(std::move(f));
  }
  std::map<std::string, std::vector<open_ended>> ended;
  for (auto& each : done)
    std::move(each.ended.begin(), each.ended.end(), std::back_inserter(ended[each.file_id]));
  const auto tell_done = [&] {
    for (auto& each : done)
      out.emplace_back(file_turn{r.slot, r.term, each.file_id, {r.term, ++slot.turns}, each.origin,
        each.number, {}, std::move(each.completions), {}, {}});
    done.clear();
  };
  if (LEASEBREAK_MUTANT(early_results_overtake_parts))
    tell_done();
  for (auto& [file_id, reports] : by_file)
    build_file(r.slot, slot, file_id, std::move(reports), std::move(ended[file_id]), now, out);
  // A node that knows that its release is done must know the part without it before: it may have to
  // report the part to the next owner.
  tell_done();
  out.emplace_back(slot_opened{r.slot, r.term});
}

void local_files::build_file(slot_number number, owned_slot& slot, const std::string& file_id,
  std::vector<file_report> reports, std::vector<open_ended> ended, time_point now,
  std::vector<files_result>& out) {
  std::stable_sort(reports.begin(), reports.end(),
    [](const auto& a, const auto& b) { return a.version > b.version; });
  rebuilding r{*policy_, file_id, slot.term, now};
  auto made = r.all(reports);
  if (!made)
    made.emplace(*policy_, file_id, slot.term);
  auto& file = slot.files.emplace(file_id, owned_file{std::move(*made), {}}).first->second;
  for (const auto& entry : file.state.list({}))
    if (entry.kind == entry_kind::open)
      for (const auto& report : reports)
        file.users[entry.client].insert(report.node);
  if (!LEASEBREAK_MUTANT(breaks_are_told_once))
    file.state.tell_breaks_again(now, r.out);
  auto turn = turn_of(number, slot, file_id, std::move(r.out), node_id::none);
  std::move(ended.begin(), ended.end(), std::back_inserter(turn.ended));
  // All parts, since early releases have changed them.
  std::set<node_id> nodes;
  for (const auto& report : reports)
    nodes.insert(report.node);
  for (const auto node : nodes) {
    const bool is_lost = std::find(r.lost.begin(), r.lost.end(), node) != r.lost.end();
    node_part part{node, std::nullopt, is_lost};
    if (file.state.is_used_by(node) && is_told(node))
      part.part = file.state.report_node(node, now);
    turn.parts.push_back(std::move(part));
  }
  if (file.state.empty())
    slot.files.erase(file_id);
  out.emplace_back(std::move(turn));
}

void local_files::run(const execute_request& r, time_point now, std::vector<files_result>& out) {
  const auto found = slots_.find(r.what.slot);
  if (found == slots_.end() || found->second.term != r.what.term)
    return;
  auto& slot = found->second;
  auto at = slot.files.find(r.what.file_id);
  if (at == slot.files.end())
    at = slot.files
           .emplace(r.what.file_id, owned_file{file_state(*policy_, r.what.file_id, slot.term), {}})
           .first;
  auto& file = at->second;
  if (const auto [client, node] = user_of(r.what.what); node != node_id::none)
    file.users[client].insert(node);
  effects done;
  if (is_late(r.what, file.state))
    done.completions.push_back({operation_of(r.what.what), errc::lease_not_breaking, {}});
  else
    file.state.apply(r.what.what, now, done);
  // A question changes nothing, unless something else was due.
  const bool is_question = std::holds_alternative<check_range>(r.what.what) &&
    done.completions.size() == 1 && done.notifications.empty() && done.ended.empty();
  const auto nodes = is_question ? std::set<node_id>{} : nodes_of(file, done, r.origin);
  auto turn = turn_of(r.what.slot, slot, r.what.file_id, std::move(done), r.origin);
  add_parts(turn, file, nodes, now);
  turn.number = r.what.number;
  if (file.state.empty())
    slot.files.erase(at);
  out.emplace_back(std::move(turn));
}

void local_files::run(const end_node& r, time_point now, std::vector<files_result>& out) {
  apply_to_all(
    node_gone{operation_id::none, r.node}, [](const auto&) { return true; }, now, out);
}

void local_files::run(const release_slot& r, time_point now, std::vector<files_result>& out) {
  slot_released result{r.slot, r.term, {}};
  const auto found = slots_.find(r.slot);
  if (found != slots_.end() && found->second.term == r.term) {
    for (const auto& [file_id, file] : found->second.files) {
      std::set<node_id> nodes;
      for (const auto& [client, users] : file.users)
        nodes.insert(users.begin(), users.end());
      for (const auto node : nodes)
        if (file.state.is_used_by(node))
          result.files.push_back(
            {file_id, node, {r.term, found->second.turns}, {}, file.state.report_node(node, now)});
    }
    slots_.erase(found);
  }
  out.emplace_back(std::move(result));
}

void local_files::hold_time(bool stops, time_point now) noexcept {
  if (LEASEBREAK_MUTANT(time_is_not_held))
    return;
  if (stops && !held_)
    held_ = now - behind_;
  else if (!stops && held_)
    behind_ = now - *std::exchange(held_, std::nullopt);
}

time_point local_files::time_of_files(time_point now) const noexcept {
  return held_ ? *held_ : now - behind_;
}

std::optional<time_point> local_files::next_deadline() const {
  std::optional<time_point> first;
  for_each([&](const file_state& file) {
    if (const auto next = file.next_deadline(); next && (!first || *next < *first))
      first = next;
  });
  return first;
}

void local_files::expire(time_point time, bool is_unheard, std::vector<files_result>& out) {
  hold_time(is_unheard, time);
  const auto now = time_of_files(time);
  apply_to_all(
    deadline_reached{},
    [now](const file_state& file) {
      const auto next = file.next_deadline();
      return next && *next <= now;
    },
    now, out);
}

void local_files::for_each(const std::function<void(const file_state&)>& f) const {
  for (const auto& [number, slot] : slots_)
    for (const auto& [file_id, file] : slot.files)
      f(file.state);
}

const file_state* local_files::find(slot_number slot, std::string_view file_id) const {
  const auto found = slots_.find(slot);
  if (found == slots_.end())
    return nullptr;
  const auto at = found->second.files.find(file_id);
  return at != found->second.files.end() ? &at->second.state : nullptr;
}

void local_files::apply_to_all(const command& what,
  const std::function<bool(const file_state&)>& which, time_point now,
  std::vector<files_result>& out) {
  for (auto& [number, slot] : slots_)
    for (auto at = slot.files.begin(); at != slot.files.end();) {
      auto& [file_id, file] = *at;
      if (which(file.state)) {
        effects done;
        file.state.apply(what, now, done);
        if (!done.empty()) {
          const auto nodes = nodes_of(file, done, node_id::none);
          auto turn = turn_of(number, slot, file_id, std::move(done), node_id::none);
          add_parts(turn, file, nodes, now);
          out.emplace_back(std::move(turn));
        }
      }
      at = file.state.empty() ? slot.files.erase(at) : std::next(at);
    }
}

// The nodes for which something may have changed: those that asked, those that are told, and those
// of clients whose opens or breaks have ended.
std::set<node_id> local_files::nodes_of(
  const owned_file& file, const effects& from, node_id origin) {
  std::set<node_id> nodes{origin};
  const auto add_users = [&](const client_guid& client) {
    if (const auto at = file.users.find(client); at != file.users.end())
      nodes.insert(at->second.begin(), at->second.end());
  };
  for (const auto& c : from.completions)
    nodes.insert(node_of(c.operation));
  for (const auto& n : from.notifications)
    add_users(n.client);
  for (const auto& ended : from.ended)
    add_users(ended.client);
  for (const auto& f : from.facts)
    if (const auto* const ended = std::get_if<break_ended>(&f))
      add_users(ended->client);
  return nodes;
}

void local_files::add_parts(
  file_turn& turn, const owned_file& file, const std::set<node_id>& nodes, time_point now) const {
  for (const auto node : nodes)
    if (is_told(node) && node != node_id::none)
      turn.parts.push_back({node,
        file.state.is_used_by(node) ? std::optional(file.state.report_node(node, now))
                                    : std::nullopt,
        false});
}

// Without parts.
file_turn local_files::turn_of(slot_number number, owned_slot& slot, const std::string& file_id,
  effects&& from, node_id origin) {
  return {number, slot.term, file_id, {slot.term, ++slot.turns}, origin, 0,
    std::move(from.notifications), std::move(from.completions), std::move(from.ended), {}};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
