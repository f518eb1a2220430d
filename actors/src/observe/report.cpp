#include "report.hpp"

#include "api/coordinator_impl.hpp"
#include "clients/client.hpp"
#include "events.hpp"
#include "files/file_actor.hpp"
#include "probes.hpp"

#include <leasebreak/model/quoted.hpp>

#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

std::string describe(const coordinator_impl& owner, const client_guid& guid) {
  if (guid.is_zero())
    return "none";
  const auto known = owner.clients().find(guid);
  constexpr std::size_t label_max = 64;
  const auto label = known ? known->label() : std::string();
  return label.empty() ? to_string(guid) : quoted(label, label_max) + " (" + to_string(guid) + ")";
}

std::string describe(const lease_key& key, open_id open) {
  return key.is_zero() ? fmt::format("oplock of open {:016x}", static_cast<std::uint64_t>(open))
                       : "lease " + to_string(key);
}

std::int64_t ms_of(duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

/// `file "...", path "..."`; without a path if none is known.
std::string describe_file(const file_actor& file, open_id open) {
  constexpr std::size_t path_max = 256;
  auto text = quoted(file.file_id());
  if (const auto path = file.path_of(open); !path.empty())
    text += ", path " + quoted(path, path_max);
  return text;
}

/// `open by "bob" (...)`; an operator's request has no client.
std::string describe(const coordinator_impl& owner, const operation& waiting) {
  const std::string kind(to_string(wait_kind_of(waiting.what)));
  return waiting.waits.client.is_zero() ? kind
                                        : kind + " by " + describe(owner, waiting.waits.client);
}

/// The operations that wait, and those in `waited`, which have just ended.
std::string describe_waits(const coordinator_impl& owner, const file_actor& file,
  const std::vector<const operation*>& waited) {
  constexpr std::size_t waits_max = 4;
  auto named = waited;
  named.resize(std::min(named.size(), waits_max));
  for (const auto& w : file.state().waits(waits_max - named.size()))
    if (const auto* const op = file.waiting(w.operation))
      named.push_back(op);
  std::string text;
  for (const auto* const op : named)
    text += (text.empty() ? "" : ", ") + describe(owner, *op);
  const auto all = waited.size() + file.state().waiting();
  if (all > named.size())
    text += fmt::format(" and {} more", all - named.size());
  return text.empty() ? "none" : text;
}

/// Logs a line about a break, unless the file has too many of them.
template <class Text>
void log_break(
  const coordinator_impl& owner, file_actor& file, line_limit::kind kind, const Text& text) {
  auto* const log = owner.log();
  const auto level = kind == line_limit::kind::warning ? spdlog::level::warn : spdlog::level::info;
  if (log == nullptr || !log->should_log(level))
    return;
  const auto now = owner.now();
  report_omitted(owner, file, now);
  if (file.lines().admit(kind, now))
    log->log(level, text());
}

/// A client let several breaks expire.
void report_unresponsive(coordinator_impl& owner, const client_guid& client) {
  constexpr auto breaks = unresponsive_clients::breaks;
  if (auto* const log = owner.log())
    log->warn("client unresponsive: client {} let {} breaks time out within an hour; it may sleep, "
              "or its network may be down",
      describe(owner, client), breaks);
  event e;
  e.kind = event_kind::client_unresponsive;
  e.client = client;
  e.waiting = breaks;
  tell_of_client(owner, std::move(e));
}

class reporter {
public:
  reporter(coordinator_impl& owner, file_actor& file, const effects& out,
    const std::vector<const operation*>& waited)
    : owner_(owner), file_(file), out_(out), waited_(waited) {}

  void operator()(const break_begun& f) {
    owner_.count().add(counters::breaks_by_cause + index_of(f.cause));
    probe_break_begun(file_.file_id(), f);
    file_.overdue().begin(owner_);
    log_break(owner_, file_, line_limit::kind::notice, [&] {
      return fmt::format("break: client {}, file {}, {}, {} -> {}, cause {}, {}, waiting: {}",
        describe(owner_, f.client), describe_file(file_, f.open), describe(f.key, f.open),
        to_string(f.from), to_string(f.to), to_string(f.cause), time_of(f),
        describe_waits(owner_, file_, waited_));
    });
  }

  // MS-SMB2 3.3.4.6, 3.3.4.7: a holder that caches only reads is not waited for.
  [[nodiscard]] std::string time_of(const break_begun& f) const {
    if (f.from == lease_state::r)
      return "needs no acknowledgement";
    const auto told = file_.state().overdue(time_point::max()).breaks;
    const auto found =
      std::find_if(told.begin(), told.end(), [&f](const overdue_break& b) { return b.id == f.id; });
    return found == told.end() ? "not told yet"
                               : fmt::format("{} ms left", ms_of(found->deadline - owner_.now()));
  }

  void operator()(const break_ended& f) {
    auto& count = owner_.count();
    count.add(counters::breaks_by_outcome + index_of(f.outcome));
    count.add_latency(f.age);
    probe_break_ended(file_.file_id(), f);
    file_.overdue().end(f.id, owner_);
    const auto line = [&] { return describe_end(f); };
    if (f.outcome == break_outcome::timed_out)
      log_break(owner_, file_, line_limit::kind::warning, line);
    else if (auto* const log = owner_.log();
             log != nullptr && log->should_log(spdlog::level::debug))
      log->debug(line());
    if (f.outcome == break_outcome::timed_out && owner_.unresponsive().add(f.client, owner_.now()))
      report_unresponsive(owner_, f.client);
  }

  [[nodiscard]] std::string describe_end(const break_ended& f) const {
    return fmt::format(
      "break {}: client {}, file {}, {}, {} -> {}, left {}, cause {}, after {} ms, waiting: {}",
      to_string(f.outcome), describe(owner_, f.client), describe_file(file_, f.open),
      describe(f.key, f.open), to_string(f.from), to_string(f.to), to_string(f.left),
      to_string(f.cause), ms_of(f.age), describe_waits(owner_, file_, waited_));
  }

  void operator()(const acknowledgement_refused& f) {
    owner_.count().add(counters::acknowledgements_refused);
    if (f.late)
      owner_.count().add(counters::acknowledgements_late);
    auto* const log = owner_.log();
    if (log == nullptr || !log->should_log(spdlog::level::debug))
      return;
    log->debug("acknowledgement refused{}: client {}, file {}, key {}: {}", f.late ? ", late" : "",
      describe(owner_, f.client), quoted(file_.file_id()), to_string(f.key),
      leasebreak::to_string(f.error));
  }

  void operator()(const caching_granted& f) {
    owner_.count().add(counters::grants_by_state + bits(f.state));
  }

  void operator()(const record_dropped& f) {
    if (auto* const log = owner_.log())
      log->info(
        "recovered and not reclaimed: file {}, record {}", quoted(file_.file_id()), quoted(f.id));
  }

  void operator()(const answer_overdue& f) {
    if (auto* const log = owner_.log())
      log->warn("answer overdue: client {}, file {}, {}; its break is sent before the server has "
                "reported the response to its open as sent",
        describe(owner_, f.client), quoted(file_.file_id()), describe(f.key, f.open));
  }

  void log_grants() const {
    auto* const log = owner_.log();
    if (log == nullptr || !log->should_log(spdlog::level::debug))
      return;
    for (const auto& c : out_.completions)
      if (const auto* g = std::get_if<open_granted>(&c.result); g != nullptr && g->version != 0)
        log->debug("granted: file {}, lease {}, state {}, epoch {}", quoted(file_.file_id()),
          to_string(g->key), to_string(g->state), g->epoch);
      else if (g != nullptr && g->oplock != oplock_level::none)
        log->debug("granted: file {}, oplock of open {:016x}, {}", quoted(file_.file_id()),
          static_cast<std::uint64_t>(g->open), to_string(g->oplock));
  }

private:
  coordinator_impl& owner_;
  file_actor& file_;
  const effects& out_;
  const std::vector<const operation*>& waited_;
};

} // namespace

void report_overdue(coordinator_impl& owner, file_actor& file,
  const std::vector<overdue_break>& breaks, time_point now) {
  for (const auto& b : breaks)
    log_break(owner, file, line_limit::kind::warning, [&] {
      return fmt::format("break overdue: client {}, file {}, {}, {} -> {}, cause {}, told {} ms "
                         "ago, {} ms left, waiting: {}",
        describe(owner, b.client), describe_file(file, b.open), describe(b.key, b.open),
        to_string(b.from), to_string(b.to), to_string(b.cause), ms_of(now - b.since),
        ms_of(b.deadline - now), describe_waits(owner, file, {}));
    });
  if (auto* const to = owner.events())
    turn_events(*to, file, owner).overdue(breaks);
}

void report_omitted(const coordinator_impl& owner, file_actor& file, time_point now) {
  constexpr std::pair<line_limit::kind, spdlog::level::level_enum> kinds[] = {
    {line_limit::kind::notice, spdlog::level::info},
    {line_limit::kind::warning, spdlog::level::warn}};
  for (const auto& [kind, level] : kinds) {
    const auto omitted = file.lines().take(kind, now);
    if (omitted != 0 && owner.log() != nullptr)
      owner.log()->log(level, "breaks: {} more lines of the same second, file {}", omitted,
        describe_file(file, open_id::none));
  }
}

void report_facts(coordinator_impl& owner, file_actor& file, const effects& out,
  const std::vector<const operation*>& waited) {
  reporter r(owner, file, out, waited);
  for (const auto& f : out.facts)
    std::visit(r, f);
  r.log_grants();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
