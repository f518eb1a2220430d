#include "copies.hpp"

#include "file_fixture.hpp"

#include <algorithm>
#include <tuple>
#include <variant>

namespace leasebreak::model_test {
namespace {

auto parts(const break_begun& x) {
  const auto& [id, client, key, open, cause, from, to] = x;
  return std::tuple(id, client, key, open, cause, from, to);
}

auto parts(const break_ended& x) {
  const auto& [id, client, key, open, cause, outcome, from, to, left, age, waiting] = x;
  return std::tuple(id, client, key, open, cause, outcome, from, to, left, age, waiting);
}

auto parts(const acknowledgement_refused& x) {
  const auto& [client, key, error, late] = x;
  return std::tuple(client, key, error, late);
}

auto parts(const caching_granted& x) {
  const auto& [state, is_oplock] = x;
  return std::tuple(state, is_oplock);
}

auto parts(const record_dropped& x) {
  const auto& [id] = x;
  return std::tuple(id);
}

auto parts(const answer_overdue& x) {
  const auto& [client, key, open] = x;
  return std::tuple(client, key, open);
}

auto parts(const open_ended& x) {
  const auto& [open, cause, client, key, locks, persistent, hold, parent_key, deletes] = x;
  return std::tuple(open, cause, client, key, locks, persistent, hold, parent_key, deletes);
}

auto parts(const open_recovered& x) {
  const auto& [open, locks] = x;
  return std::tuple(open, locks);
}

auto parts(const streams_asked& x) {
  const auto& [operation, round, kind, client, streams] = x;
  return std::tuple(operation, round, kind, client, streams);
}

auto parts(const completion& x) {
  const auto& [operation, error, result] = x;
  return std::tuple(operation, error, result);
}

template <class T>
bool same(const T& a, const T& b) {
  return parts(a) == parts(b);
}

bool same(const break_notification& a, const break_notification& b) {
  return a == b;
}

bool same(const stored_change& a, const stored_change& b) {
  return stored_change(a).to_record() == stored_change(b).to_record();
}

bool same(const fact& a, const fact& b) {
  return a.index() == b.index() &&
    std::visit([&b](const auto& x) { return same(x, std::get<std::decay_t<decltype(x)>>(b)); }, a);
}

template <class T>
bool same_list(const std::vector<T>& a, const std::vector<T>& b) {
  return std::ranges::equal(a, b, [](const T& x, const T& y) { return same(x, y); });
}

} // namespace

std::string difference(const effects& a, const effects& b) {
  const auto& [notifications, completions, records, ended, facts, recovered, asked] = a;
  if (!same_list(notifications, b.notifications))
    return "the notifications";
  if (!same_list(completions, b.completions))
    return "the completions";
  if (!same_list(records, b.records))
    return "the records";
  if (!same_list(ended, b.ended))
    return "the opens that ended";
  if (!same_list(facts, b.facts))
    return "the facts";
  if (!same_list(recovered, b.recovered))
    return "what was recovered";
  return same_list(asked, b.asked) ? "" : "the requests to streams";
}

std::string difference(const file_state& a, const file_state& b, time_point now) {
  if (a.export_state(now) != b.export_state(now))
    return "the states";
  if (a.next_deadline() != b.next_deadline())
    return "the next deadline";
  const auto describe_all = [](const file_state& file) {
    std::vector<std::string> lines;
    for (const auto& entry : file.list({}))
      lines.push_back(describe(entry));
    return lines;
  };
  if (describe_all(a) != describe_all(b))
    return "the listings";
  if (a.empty() != b.empty() || a.waiting() != b.waiting() || a.breaking() != b.breaking() ||
    a.holds_back() != b.holds_back() || a.is_going() != b.is_going())
    return "the counts";
  return b.check_invariants();
}

void file_copies::before(const file_state& file, const file_policy& policy, time_point now) {
  if (commands_++ % every_ != 0)
    return;
  auto copied = file_state::import_state(policy, file.export_state(now), now);
  if (auto* const error = std::get_if<snapshot_error>(&copied))
    problem_ = "a file cannot be imported: " + to_string(*error);
  else
    copy_.emplace(std::get<file_state>(std::move(copied)));
  if (problem_.empty())
    if (const auto what = difference(file, *copy_, now); !what.empty())
      problem_ = "a copy is not like its file in " + what;
}

std::string file_copies::after(
  const command& what, const file_state& file, const effects& out, time_point now) {
  if (!problem_.empty())
    return problem_;
  const auto same_effects = difference(out, copy_->apply(what, now));
  if (!same_effects.empty())
    return "a copy does not behave like its file in " + same_effects;
  const auto same_state = difference(file, *copy_, now);
  return same_state.empty() ? "" : "a copy has become unlike its file in " + same_state;
}

} // namespace leasebreak::model_test
