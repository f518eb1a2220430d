#include <leasebreak/model/file_state.hpp>

#include "file/impl.hpp"

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

file_state::file_state(
  const file_policy& policy, std::string file_id, std::uint64_t view, std::uint64_t last)
  : impl_(std::make_unique<impl>(policy, std::move(file_id), view, last)) {}
file_state::file_state(std::unique_ptr<impl> state) noexcept : impl_(std::move(state)) {}

file_state::~file_state() = default;
file_state::file_state(file_state&&) noexcept = default;
file_state& file_state::operator=(file_state&&) noexcept = default;

void file_state::apply(const command& c, time_point now, effects& out, bool may_wait) {
  impl_->may_wait = may_wait;
  impl_->apply(c, now, out);
}

// If nothing was held back, the response has no further effects.
void file_state::apply(const answer_sent& c, time_point now, effects& out) {
  const bool tells = holds_back();
  ++impl_->steps;
  impl_->answer(c, now, out);
  if (!tells)
    return;
  impl_->end_step(now, out);
}

effects file_state::apply(const command& c, time_point now, bool may_wait) {
  effects out;
  apply(c, now, out, may_wait);
  return out;
}

std::optional<time_point> file_state::next_deadline() const {
  if (!impl_->rare || impl_->rare->deadlines.empty())
    return std::nullopt;
  return impl_->rare->deadlines.front().at;
}

bool file_state::empty() const noexcept {
  const bool contended = impl_->rare &&
    !(impl_->rare->waiting.empty() && impl_->rare->holds.empty() &&
      impl_->rare->recovered_locks.empty());
  return impl_->opens.empty() && impl_->leases.empty() && !contended;
}

std::uint64_t file_state::last_number() const noexcept {
  return std::max({impl_->last_break, impl_->last_hold, impl_->steps});
}

std::size_t file_state::waiting() const noexcept {
  return impl_->rare ? impl_->rare->waiting.size() : 0;
}

std::size_t file_state::breaking() const noexcept {
  return impl_->count.breaking;
}

bool file_state::holds_back() const noexcept {
  return impl_->held_back.notices != 0;
}

bool file_state::is_going() const noexcept {
  return impl_->is_pending_deletion() || impl_->is_being_deleted();
}

bool file_state::has_open(open_id id) const noexcept {
  return impl_->find_open(id) != nullptr;
}

bool file_state::is_persistent(open_id id) const noexcept {
  const auto* const open = impl_->find_open(id);
  return open != nullptr && open->is_persistent();
}

channel_id file_state::channel_of(open_id id) const noexcept {
  const auto* const open = impl_->find_open(id);
  return open != nullptr ? open->channel : channel_id{};
}

client_guid file_state::holder_of(open_id id) const noexcept {
  const auto* const open = impl_->find_open(id);
  return open != nullptr ? open->client : client_guid{};
}

client_guid file_state::holder_of(break_id id) const noexcept {
  for (const auto& l : impl_->leases)
    if (l->info.breaking && l->current_break == id)
      return l->client;
  return {};
}

std::size_t file_state::locks_of(open_id id) const noexcept {
  return impl_->locks.count_of(id);
}

overdue_breaks file_state::overdue(time_point now) const {
  return impl_->overdue(now);
}

std::vector<pending_wait> file_state::waits(std::size_t most) const {
  return impl_->waits(most);
}

std::vector<listed_entry> file_state::list(const lock_query& query) const {
  return impl_->list(query);
}

errc file_state::check_io(open_id open, const byte_range& range, bool is_write) const {
  return impl_->check_io(open, range, is_write);
}

errc file_state::impl::check_io(open_id open, const byte_range& range, bool is_write) const {
  const auto* const through = find_connected(open);
  if (through == nullptr)
    return errc::unknown_open;
  if (locks.io_conflict(open, range, is_write) != nullptr)
    return errc::file_lock_conflict;
  return io_meets_recovered_lock(through->client, range, is_write) ? errc::reclaim_needed
                                                                   : errc::success;
}

bool file_state::is_delete_pending() const noexcept {
  return impl_->delete_pending;
}

std::string file_state::check_invariants() const {
  return impl_->check_invariants();
}

const std::string& file_state::file_id() const noexcept {
  return impl_->file_id;
}

namespace {

template <class... Functions>
struct overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
overloaded(Functions...) -> overloaded<Functions...>; // clang 14 does not deduce it

} // namespace

void file_state::impl::apply(const command& c, time_point now, effects& out) {
  constexpr auto first = attempt::first;
  ++steps;
  std::visit(overloaded{
               [&](const open_file& x) { attempt_open(x, first, now, out); },
               [&](const close_open& x) { close(x, now, out); },
               [&](const reconnect_open& x) { reconnect(x, now, out); },
               [&](const replay_open& x) { replay(x, out); },
               [&](const answer_sent& x) { answer(x, now, out); },
               [&](const set_server_state& x) { set_state(x, out); },
               [&](const make_resilient& x) { make_open_resilient(x, out); },
               [&](const lock_ranges& x) { attempt_lock(x, first, now, out); },
               [&](const unlock_ranges& x) { unlock(x, out); },
               [&](const cancel_operation& x) { cancel(x, out); },
               [&](const acknowledge_lease& x) { acknowledge(x, now, out); },
               [&](const acknowledge_oplock& x) { acknowledge(x, now, out); },
               [&](const access_file& x) { attempt_access(x, first, now, out); },
               [&](const end_hold& x) { end(x); },
               [&](const break_undeliverable& x) { cannot_deliver(x, now, out); },
               [&](const client_gone& x) { remove_client(x, now, out); },
               [&](const node_gone& x) { remove_node(x, now, out); },
               [&](const force_break& x) { attempt_force(x, first, now, out); },
               [&](const load_record& x) { load(x, now, out); },
               [&](const reclaim_lock& x) { reclaim(x, now, out); },
               [&](const grace_ended&) { end_grace(out); },
               [&](const deadline_reached&) { reach_deadlines(now, out); },
               [&](const stop_waiting&) { stop(out); },
               [&](const stream_opened& x) { note(x, out); },
               [&](const stream_closed& x) { note(x); },
               [&](const streams_answered& x) { note(x); },
               [&](const check_range& x) {
                 complete(out, x.operation, check_io(x.open, x.range, x.is_write));
               },
             },
    c);
  end_step(now, out);
}

// Derives the effects that can follow any command.
void file_state::impl::end_step(time_point now, effects& out) {
  wake(now, out);
  if (held_back.behind_changes != 0)
    tell_who_is_waited_for(now, out);
  tell_on_oldest(out);
  forget_past_deadlines();
}

void file_state::impl::complete(
  effects& out, operation_id id, errc error, operation_result result) {
  out.completions.push_back({id, error, std::move(result)});
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
