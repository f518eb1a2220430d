// Slots, files, and the turns of files.
#include <leasebreak/cluster/local_files.hpp>

#include "release_requests.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace {

// The clients about whom a command is: that of the request, and the holder of its open or break.
std::vector<client_guid> clients_of(const command& what, const file_state& file) {
  std::vector<client_guid> clients;
  std::visit(
    [&](const auto& c) {
      if constexpr (requires { c.client.bytes; })
        clients.push_back(c.client);
      if constexpr (requires { c.open; })
        clients.push_back(file.holder_of(c.open));
      if constexpr (std::is_same_v<std::decay_t<decltype(c)>, break_undeliverable>)
        clients.push_back(file.holder_of(c.id));
    },
    what);
  std::erase_if(clients, [](const auto& c) { return c.is_zero(); });
  return clients;
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
  std::set<std::size_t> lost{}; ///< The positions of reports that were left out.

  std::optional<file_state> all(const std::vector<file_report>& reports) {
    std::optional<file_state> last;
    for (std::size_t next = 0; next != reports.size();) {
      const auto fit = how_many_fit(reports, next, last);
      next += fit;
      if (next != reports.size())
        lost.insert(next++);
    }
    return last;
  }

private:
  // Adds as many as possible of the reports from `first` on. All of them fit in all but rare cases.
  std::size_t how_many_fit(
    const std::vector<file_report>& reports, std::size_t first, std::optional<file_state>& last) {
    const auto before = used.size();
    const auto use = [&](std::size_t count) {
      used.resize(before);
      for (std::size_t i = first; i != first + count; ++i)
        used.push_back({reports[i].node, reports[i].part, reports[i].age});
    };
    std::size_t least = 0;
    auto most = reports.size() - first;
    for (auto count = most; least != most; count = (least + most + 1) / 2) {
      use(count);
      if (auto file = attempt()) {
        last = std::move(file);
        least = count;
      } else {
        most = count - 1;
      }
    }
    use(least);
    return least;
  }

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
  slot = {r.term, 0, 0, {}};
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
  const auto at = slot.files.emplace(file_id, owned_file{std::move(*made)}).first;
  auto& file = at->second;
  for (const auto& report : reports)
    file.users[report.client].insert(report.node);
  if (!LEASEBREAK_MUTANT(breaks_are_told_once))
    file.state.tell_breaks_again(now, r.out);
  auto turn = turn_of(number, slot, file_id, std::move(r.out), node_id::none);
  std::move(ended.begin(), ended.end(), std::back_inserter(turn.ended));
  // All parts, since early releases have changed them.
  std::map<user, bool> told;
  for (std::size_t i = 0; i != reports.size(); ++i) {
    auto& is_lost = told[{reports[i].node, reports[i].client}];
    is_lost = is_lost || r.lost.contains(i);
  }
  for (const auto& [of, is_lost] : told) {
    auto part = part_of(file, of, now);
    if (!is_told(of.first))
      part.part.reset();
    turn.parts.push_back({of.first, std::move(part), is_lost});
  }
  forget_if_empty(slot, at);
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
           .emplace(r.what.file_id,
             owned_file{file_state(*policy_, r.what.file_id, slot.term, slot.last_number)})
           .first;
  auto& file = at->second;
  const auto clients = clients_of(r.what.what, file.state);
  const auto operation = operation_of(r.what.what);
  if (operation != operation_id::none)
    file.in_progress.emplace(operation, clients);
  const bool was_going = file.state.is_delete_pending();
  effects done;
  if (is_late(r.what, file.state))
    done.completions.push_back({operation, errc::lease_not_breaking, {}});
  else
    file.state.apply(r.what.what, now, done);
  // A question changes nothing, unless something else was due.
  const bool is_question = std::holds_alternative<check_range>(r.what.what) &&
    done.completions.size() == 1 && done.notifications.empty() && done.ended.empty();
  changes changed{{}, file.state.is_delete_pending() != was_going};
  changed.of.insert({r.origin, client_guid{}});
  for (const auto& client : clients)
    changed.of.insert({r.origin, client});
  add_changes(changed, file, clients, done);
  if (is_question)
    changed = {};
  auto turn = turn_of(r.what.slot, slot, r.what.file_id, std::move(done), r.origin);
  add_parts(turn, file, changed, now);
  turn.number = r.what.number;
  forget_if_empty(slot, at);
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
    const file_version version{r.term, found->second.turns};
    for (const auto& [file_id, file] : found->second.files)
      for (const auto& [client, nodes] : file.users)
        for (const auto node : nodes)
          if (auto part = part_of(file, {node, client}, now).part)
            result.files.push_back({file_id, node, client, version, {}, *std::move(part)});
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
        const bool was_going = file.state.is_delete_pending();
        effects done;
        file.state.apply(what, now, done);
        if (!done.empty()) {
          changes changed{{}, file.state.is_delete_pending() != was_going};
          add_changes(changed, file, {}, done);
          auto turn = turn_of(number, slot, file_id, std::move(done), node_id::none);
          add_parts(turn, file, changed, now);
          out.emplace_back(std::move(turn));
        }
      }
      at = forget_if_empty(slot, at);
    }
}

// Messages that are late may name breaks of a file that was forgotten. Returns the next file.
local_files::owned_slot::iterator local_files::forget_if_empty(
  owned_slot& slot, owned_slot::iterator at) {
  const auto& state = at->second.state;
  if (!state.empty())
    return std::next(at);
  if (!LEASEBREAK_MUTANT(numbers_are_used_again))
    slot.last_number = std::max(slot.last_number, state.last_number());
  return slot.files.erase(at);
}

// Something may have changed for the clients of the command, for those whose operations have ended,
// who are told, and whose opens or breaks have ended.
void local_files::add_changes(
  changes& to, owned_file& file, const std::vector<client_guid>& asking, const effects& from) {
  const auto add = [&](const client_guid& client) {
    if (const auto at = file.users.find(client); at != file.users.end())
      for (const auto node : at->second)
        to.of.insert({node, client});
  };
  for (const auto& client : asking)
    add(client); // an open may have gone from one client to another
  for (const auto& c : from.completions)
    if (const auto at = file.in_progress.find(c.operation); at != file.in_progress.end()) {
      to.of.insert({node_of(c.operation), client_guid{}});
      for (const auto& client : at->second)
        to.of.insert({node_of(c.operation), client});
      file.in_progress.erase(at);
    }
  for (const auto& n : from.notifications)
    if (!LEASEBREAK_MUTANT(parts_of_the_told_are_old))
      add(n.client);
  for (const auto& ended : from.ended)
    add(ended.client);
  for (const auto& f : from.facts)
    std::visit(
      [&](const auto& x) {
        if constexpr (requires { x.client; })
          add(x.client);
      },
      f);
  if (to.are_all)
    for (const auto& [client, nodes] : file.users)
      add(client);
}

client_part local_files::part_of(const owned_file& file, const user& of, time_point now) {
  const auto& [node, client] = of;
  if (!file.state.is_used_by(node, client))
    return {client, std::nullopt};
  return {client, file.state.report_client(node, client, now)};
}

// Change holds are few, and those of all nodes are told whenever there are any. Nothing is told of
// holds if there are none and were none.
void local_files::add_parts(
  file_turn& turn, owned_file& file, const changes& changed, time_point now) const {
  constexpr client_guid nobody{};
  auto all = changed.of;
  for (const auto node : file.users[nobody])
    all.insert({node, nobody});
  for (const auto& of : all) {
    const auto& [node, client] = of;
    auto part = part_of(file, of, now);
    auto& nodes = file.users[client];
    const bool was_told = nodes.erase(node) != 0;
    if (part.part)
      nodes.insert(node);
    if (nodes.empty())
      file.users.erase(client);
    const bool is_news = !client.is_zero() || part.part || was_told;
    if (is_news && is_told(node) && node != node_id::none)
      turn.parts.push_back({node, std::move(part), false});
  }
}

// Without parts.
file_turn local_files::turn_of(slot_number number, owned_slot& slot, const std::string& file_id,
  effects&& from, node_id origin) {
  return {number, slot.term, file_id, {slot.term, ++slot.turns}, origin, 0,
    std::move(from.notifications), std::move(from.completions), std::move(from.ended), {}};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
