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

namespace leasebreak::detail {

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

std::string describe_waits(const coordinator_impl& owner, const file_state& state) {
  constexpr std::size_t waits_max = 4;
  const auto all = state.waiting();
  if (all == 0)
    return "none";
  std::string text;
  const auto waits = state.waits(waits_max);
  for (const auto& w : waits)
    text += (text.empty() ? "" : ", ") + describe(owner, w.client);
  return all > waits.size() ? text + fmt::format(" and {} more", all - waits.size()) : text;
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
  reporter(coordinator_impl& owner, file_actor& file, const effects& out)
    : owner_(owner), file_(file), out_(out) {}

  void operator()(const break_begun& f) {
    owner_.count().add(counters::breaks_by_cause + index_of(f.cause));
    probe_break_begun(file_.file_id(), f);
    file_.overdue().begin(owner_);
  }

  void operator()(const break_ended& f) {
    auto& count = owner_.count();
    count.add(counters::breaks_by_outcome + index_of(f.outcome));
    count.add_latency(f.age);
    probe_break_ended(file_.file_id(), f);
    file_.overdue().end(f.id, owner_);
    const auto level =
      f.outcome == break_outcome::timed_out ? spdlog::level::warn : spdlog::level::debug;
    log_end(f, level);
    if (f.outcome == break_outcome::timed_out && owner_.unresponsive().add(f.client, owner_.now()))
      report_unresponsive(owner_, f.client);
  }

  void log_end(const break_ended& f, spdlog::level::level_enum level) const {
    auto* const log = owner_.log();
    if (log == nullptr || !log->should_log(level))
      return;
    log->log(level,
      "break {}: client {}, file {}, {}, {} -> {}, left {}, cause {}, after {} ms, {} waiting",
      to_string(f.outcome), describe(owner_, f.client), quoted(file_.file_id()),
      describe(f.key, f.open), to_string(f.from), to_string(f.to), to_string(f.left),
      to_string(f.cause), ms_of(f.age), f.waiting);
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

  void log_notifications() const {
    auto* const log = owner_.log();
    if (log == nullptr || !log->should_log(spdlog::level::info))
      return;
    for (const auto& n : out_.notifications)
      log->info("break: client {}, file {}, {}, {} -> {}, cause {}{}", describe(owner_, n.client),
        quoted(file_.file_id()), describe(n.key, n.open), to_string(n.from), to_string(n.to),
        to_string(n.cause), n.ack_required ? "" : ", needs no acknowledgement");
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
};

} // namespace

void report_overdue(coordinator_impl& owner, const file_actor& file,
  const std::vector<overdue_break>& breaks, time_point now) {
  if (auto* const log = owner.log(); log != nullptr && !breaks.empty()) {
    constexpr std::size_t lines_max = 10;
    const auto waits = describe_waits(owner, file.state());
    const auto count = std::min(lines_max, breaks.size());
    for (std::size_t i = 0; i < count; ++i) {
      const auto& b = breaks[i];
      log->warn("break overdue: client {}, file {}, {}, {} -> {}, cause {}, told {} ms ago, {} ms "
                "left, waiting: {}",
        describe(owner, b.client), describe_file(file, b.open), describe(b.key, b.open),
        to_string(b.from), to_string(b.to), to_string(b.cause), ms_of(now - b.since),
        ms_of(b.deadline - now), waits);
    }
    if (count != breaks.size())
      log->warn(
        "break overdue: file {}, {} more breaks", quoted(file.file_id()), breaks.size() - count);
  }
  if (auto* const to = owner.events())
    turn_events(*to, file, owner).overdue(breaks);
}

void report_facts(coordinator_impl& owner, file_actor& file, const effects& out) {
  reporter r(owner, file, out);
  for (const auto& f : out.facts)
    std::visit(r, f);
  r.log_notifications();
  r.log_grants();
}

} // namespace leasebreak::detail
