// The turns of a file in a cluster: commands go to the cluster, which executes them, here or on
// another server, and says what follows.
#include "api/coordinator_impl.hpp"
#include "file_actor.hpp"
#include "open_ids.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

void file_actor::submit(command what) {
  const auto run = owner_.cluster_run();
  if (run == node_id::none)
    return;
  const auto about = remote_ != nullptr ? remote_->acknowledged_by(what) : break_id::none;
  put_in_run(what, run);
  owner_.cluster()->submit(run, file_id(), std::move(what), about);
}

void file_actor::run_in_cluster(const command& c, std::unique_ptr<operation> op) {
  if (!answers_.is_empty())
    tell_answers();
  if (std::holds_alternative<stop_waiting>(c))
    return complete_all(errc::shutting_down);
  if (op == nullptr)
    return submit(c);
  const auto run = owner_.cluster_run();
  if (const auto error = enter_run(*op, run); error != errc::success)
    return refuse(std::move(op), error);
  // An operation waits until its result has come.
  if (!owner_.places().reserve(1, owner_.limit(&limits::waiting_total)))
    return refuse(std::move(op), errc::too_many_waiting);
  submit(c);
  thread_local effects nothing;
  nothing.clear();
  settle(nothing, std::move(op));
}

// Returns why the operation cannot begin in the run. Opens of a former run must end before.
errc file_actor::enter_run(const operation& op, node_id run) {
  if (run == node_id::none || (remote_ != nullptr && remote_->run() != run))
    return errc::not_a_member;
  if (const auto* const open = std::get_if<open_file>(&op.what);
      open != nullptr && open_ids::epoch_of(open->open) != static_cast<std::uint64_t>(run))
    return errc::not_a_member;
  if (remote_ == nullptr)
    remote_ = std::make_unique<remote_file>(owner_.policy(), file_id(), run);
  return errc::success;
}

// The owner of the file may hold breaks back until a response is sent.
void file_actor::tell_answers() {
  const auto owner = owner_.weak();
  answers_.look(&owner, [this](const answer_sent& sent) { submit(sent); });
}

void file_actor::take(node_id run, remote_news::content&& what) {
  if (remote_ == nullptr || remote_->run() != run)
    return; // of a run that is over
  std::visit([this](auto& each) { take(std::move(each)); }, what);
}

void file_actor::take(remote_change&& what) {
  const auto problem = remote_->take(what, owner_.now());
  if (auto* const log = owner_.log(); log != nullptr && !problem.empty())
    log->error("file {}: what the cluster says of it is not understood: {}", file_id(), problem);
  effects out;
  out.ended = std::move(what.ended);
  settle(out, nullptr);
}

// Clients know connections by the numbers that they have here.
void file_actor::take(break_notification&& what) {
  std::erase_if(what.channels, [this](const auto& c) { return c.node != remote_->run(); });
  for (auto& c : what.channels)
    c.node = node_id::none;
  what.issued = owner_.now();
  effects out;
  out.notifications.push_back(std::move(what));
  settle(out, nullptr);
}

void file_actor::take(completion&& what) {
  what.operation = operation_before_run(what.operation);
  effects out;
  out.completions.push_back(std::move(what));
  settle(out, nullptr);
}

void file_actor::end_run(node_id run) {
  if (remote_ == nullptr || remote_->run() != run)
    return;
  effects out;
  out.ended = remote_->end(owner_.now());
  settle(out, nullptr);
  complete_all(errc::not_a_member);
  remote_.reset();
}

void file_actor::complete_all(errc error) {
  effects out;
  parked_.for_each([&](const operation& op) { out.completions.push_back({op.id, error, {}}); });
  settle(out, nullptr);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
