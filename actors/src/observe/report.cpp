#include "report.hpp"

#include "api/coordinator_impl.hpp"
#include "clients/client.hpp"
#include "files/file_actor.hpp"

#include <leasebreak/model/quoted.hpp>

#include <spdlog/logger.h>

#include <chrono>

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

class reporter {
public:
  reporter(coordinator_impl& owner, const file_actor& file, const effects& out)
    : owner_(owner), file_(file), out_(out) {}

  void operator()(const break_begun& f) {
    owner_.count().add(counters::breaks_by_cause + index_of(f.cause));
  }

  void operator()(const break_ended& f) {
    auto& count = owner_.count();
    count.add(counters::breaks_by_outcome + index_of(f.outcome));
    count.add_latency(f.age);
    const auto level =
      f.outcome == break_outcome::timed_out ? spdlog::level::warn : spdlog::level::debug;
    auto* const log = owner_.log();
    if (log == nullptr || !log->should_log(level))
      return;
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(f.age).count();
    log->log(level,
      "break {}: client {}, file {}, {}, {} -> {}, left {}, cause {}, after {} ms, {} waiting",
      to_string(f.outcome), describe(owner_, f.client), quoted(file_.file_id()),
      describe(f.key, f.open), to_string(f.from), to_string(f.to), to_string(f.left),
      to_string(f.cause), age, f.waiting);
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
  const file_actor& file_;
  const effects& out_;
};

} // namespace

void report_facts(coordinator_impl& owner, const file_actor& file, const effects& out) {
  reporter r(owner, file, out);
  for (const auto& f : out.facts)
    std::visit(r, f);
  r.log_notifications();
  r.log_grants();
}

} // namespace leasebreak::detail
