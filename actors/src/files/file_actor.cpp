#include "file_actor.hpp"

#include "api/coordinator_impl.hpp"
#include "clients/client.hpp"
#include "entry_call.hpp"
#include "file_link.hpp"
#include "observe/events.hpp"
#include "observe/report.hpp"
#include "runtime/out_of_memory.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

bool is_success(const completion& c) {
  return c.error == errc::success;
}

bool is_reconnect(const operation& op) {
  return std::holds_alternative<reconnect_open>(op.what);
}

bool ends_persistent_open(const operation& op, const effects& out) {
  const auto* const closed = std::get_if<close_open>(&op.what);
  if (closed == nullptr && !std::holds_alternative<client_gone>(op.what))
    return false;
  return std::any_of(out.ended.begin(), out.ended.end(),
    [&](const auto& e) { return e.persistent && (closed == nullptr || e.open == closed->open); });
}

/// No-op message; it only makes the actor run `end_turn()` again.
class nothing_to_do final : public file_message {
public:
  void act(file_actor&, std::unique_ptr<file_message>) override {}
};

// Returns whether the result of the command needs a record.
bool needs_record(const command& c) {
  if (const auto* const open = std::get_if<open_file>(&c))
    return open->lease || open->oplock != oplock_level::none ||
      (open->durable && open->durable->persistent);
  return std::holds_alternative<lock_ranges>(c) || std::holds_alternative<set_server_state>(c);
}

bool is_of_a_kind_that_waits(const command& c) {
  return std::holds_alternative<open_file>(c) || std::holds_alternative<close_open>(c) ||
    std::holds_alternative<lock_ranges>(c) || std::holds_alternative<access_file>(c) ||
    std::holds_alternative<force_break>(c);
}

/// A slot among all pending operations, for an operation that may have to wait. Operations that
/// turn out not to wait occupy one for a short time, too. The last slots, at most one per thread,
/// may therefore be refused needlessly.
class reserved_place {
public:
  explicit reserved_place(coordinator_impl& owner)
    : places_(owner.places()), is_held_(places_.reserve(1, owner.limit(&limits::waiting_total))) {}
  ~reserved_place() {
    if (is_held_)
      places_.release(1);
  }
  reserved_place(const reserved_place&) = delete;
  reserved_place& operator=(const reserved_place&) = delete;

  [[nodiscard]] bool is_held() const noexcept { return is_held_; }
  /// Keeps the slot for an operation that waits.
  void keep() noexcept { is_held_ = false; }

private:
  bounded_total& places_;
  bool is_held_;
};

} // namespace

file_actor::file_actor(
  caf::actor_config& config, coordinator_impl& owner, std::string file, std::size_t id_hash)
  : turn_actor(config, owner.scheduler()), owner_(owner), id_hash_(id_hash),
    state_(owner.policy(), std::move(file)) {}

file_actor::~file_actor() = default;

void file_actor::handle(message_ptr m) {
  std::unique_ptr<file_message> owned(static_cast<file_message*>(m.release()));
  auto& message = *owned;
  message.act(*this, std::move(owned));
}

void file_actor::timeout() {
  armed_.reset();
  looked_ = true;
  const auto due = state_.next_deadline();
  const auto look_due = overdue_.due();
  const auto lines_due = lines_.due();
  if (!due && !look_due && !lines_due)
    return;
  const auto now = owner_.now();
  if (due && *due <= now)
    perform(deadline_reached{});
  if (look_due && *look_due <= now)
    overdue_.look(*this, owner_, now);
  if (lines_due && *lines_due <= now)
    report_omitted(owner_, *this, now);
}

bool file_actor::end_turn() {
  if (remote_ != nullptr && holders_.empty() && parked_.empty() && state().empty())
    remote_.reset();
  // End the wait of operations that were admitted just before the shutdown.
  if (!parked_.empty() && owner_.is_stopping())
    perform(stop_waiting{});
  refuse_guards();
  if (!going_.empty() && !state().is_going())
    going_.forget();
  count_breaks();
  keep_lines();
  keep_time();
  return state().empty() && remote_ == nullptr && parked_.empty() && guards_ == nullptr &&
    !lines_.due() && is_stored();
}

// Keep the actor while records are unwritten, because another actor for this file would not know of
// them.
bool file_actor::is_stored() noexcept {
  ends_when_stored_.store(unstored_.load() != 0);
  return unstored_.load() == 0;
}

void file_actor::records_stored() noexcept {
  if (unstored_.fetch_sub(1) != 1 || !ends_when_stored_.exchange(false))
    return;
  message_ptr m = needs_memory("to end a file", [] { return std::make_unique<nothing_to_do>(); });
  static_cast<void>(deliver(m)); // `end_turn` then finds that no state is left
}

void file_actor::unused() {
  owner_.files().unused(*this);
}

void file_actor::stopped() {
  // All of them complete with `errc::shutting_down`.
  report_omitted(owner_, *this, time_point::max());
  parked_.clear();
  guards_.reset();
  going_.forget();
  for (auto& h : holders_)
    h.place.reset();
}

// Most deadlines are cancelled soon: clients acknowledge a break within a millisecond, or hardly
// ever. Setting and cancelling a timeout costs more than the break itself, up to a system call. The
// first timeout is therefore set for a short time and never cancelled; deadlines that still exist
// then get their own timeout. An early tick is harmless.
void file_actor::keep_time() {
  constexpr auto a_moment = std::chrono::milliseconds(20);
  // After a shutdown nothing may expire or keep the executor busy.
  const bool stops = owner_.is_stopping();
  auto due = stops ? std::nullopt : state_.next_deadline(); // in a cluster there is none here
  if (const auto look_due = overdue_.due(); due && look_due && *look_due < *due)
    due = look_due;
  if (const auto lines_due = lines_.due(); lines_due && (!due || *lines_due < *due))
    due = lines_due;
  if (due && (!armed_ || *due < *armed_)) {
    const auto first_look = owner_.now() + a_moment;
    is_look_ = !looked_ && first_look < *due;
    armed_ = is_look_ ? first_look : *due;
    owner_.scheduler().set_timeout(*this, owner_.to_steady(*armed_));
  } else if (!due && armed_ && (stops || !is_look_)) {
    owner_.scheduler().cancel_timeout(*this);
    armed_.reset();
  }
  looked_ = false;
}

// The actor does not end before it has logged how many lines it has omitted. After a shutdown
// nothing may keep the executor busy.
void file_actor::keep_lines() {
  if (!lines_.has_memory())
    return;
  if (owner_.is_stopping())
    report_omitted(owner_, *this, time_point::max());
  lines_.tidy(owner_.now());
}

// Computed from the state rather than from reported facts, because breaks also begin with a
// recovered record and end with a lease that is not reclaimed.
void file_actor::count_breaks() {
  const auto breaking = static_cast<std::uint32_t>(state().breaking());
  if (breaking == 0)
    overdue_.forget(owner_);
  if (breaking == counted_breaking_)
    return;
  owner_.count().add(
    counters::breaking_now, std::int64_t{breaking} - std::int64_t{counted_breaking_});
  counted_breaking_ = breaking;
}

void file_actor::perform(std::unique_ptr<operation> op) {
  // Check here rather than before sending, because messages in flight have no records yet.
  auto error = needs_record(op->what) ? owner_.admit_record() : errc::success;
  if (error == errc::success)
    error = admit_channel(*op);
  if (error == errc::success)
    error = reserve_locks(*op);
  if (error != errc::success)
    return refuse(std::move(op), error);
  note_other_names(*op);
  const auto& c = op->what;
  run(c, std::move(op));
}

// MS-SMB2 3.3.5.9.13: the opens of an application end under one name. Only the file actor knows the
// current paths of its opens.
void file_actor::note_other_names(operation& op) const {
  auto* const open = std::get_if<open_file>(&op.what);
  if (open == nullptr || !open->instance || op.reserved.place == nullptr)
    return;
  const auto& here = *op.reserved.place;
  const auto path = here.path();
  for (const auto& h : holders_)
    if (h.place != nullptr && (h.place->root() != here.root() || h.place->path() != path))
      open->elsewhere.push_back(h.open);
}

void file_actor::refuse(std::unique_ptr<operation> op, errc error) {
  completion refused{op->id, error, {}};
  account(*op, refused);
  if (owner_.events() != nullptr)
    turn_events(*owner_.events(), *this, owner_).completed(*op, refused);
  give_back(*op);
  auto& from = *op;
  from.finish(*this, std::move(op), error, refused.result);
}

void file_actor::perform(const command& c) {
  run(c, nullptr);
}

// Check in the turn rather than when the operation is started. An ended session or lost channel is
// removed from the client before its files are told, so that every open either fails here or ends
// with it.
errc file_actor::admit_channel(operation& op) {
  if (auto* const open = std::get_if<open_file>(&op.what)) {
    if (open->session == session_id::none)
      return errc::success;
    const auto on = op.reserved.owner->successor_of({open->connection, open->session});
    if (!on)
      return errc::unknown_session;
    if (on->connection != open->connection && !can_come_again(*open))
      return errc::client_gone;
    open->connection = on->connection;
  } else if (auto* const back = std::get_if<reconnect_open>(&op.what)) {
    if (back->session == session_id::none)
      return errc::success;
    const auto on = op.reserved.owner->successor_of({back->connection, back->session});
    if (!on)
      return errc::unknown_session;
    back->connection = on->connection;
  } else if (auto* const again = std::get_if<replay_open>(&op.what)) {
    if (!goes_on(again->client, {again->connection, state().channel_of(again->open).session}))
      again->connection = connection_id::none; // the open stays on its connection
  } else if (const auto* lock = std::get_if<lock_ranges>(&op.what)) {
    const auto* const holder =
      lock->connection != connection_id::none ? holder_of(lock->open) : nullptr;
    if (holder != nullptr &&
      !goes_on(holder->guid(), {lock->connection, state().channel_of(lock->open).session}))
      return errc::client_gone;
  } else if (auto* const access = std::get_if<access_file>(&op.what)) {
    if (access->can_come_again)
      return admit_entry(*access);
    if (!goes_on(access->client, {access->connection, access->session}))
      return errc::client_gone;
  }
  return errc::success;
}

// The wait for a rename above an open follows the open to another channel of its session.
errc file_actor::admit_entry(access_file& entry) const {
  const auto of = owner_.clients().find(entry.client);
  const auto on =
    of != nullptr ? of->successor_of({entry.connection, entry.session}) : std::nullopt;
  if (!on)
    return errc::unknown_session;
  entry.connection = on->connection;
  return errc::success;
}

// A channel without a session is only known when it is lost.
bool file_actor::goes_on(const client_guid& guid, const channel_id& c) const {
  if (c.connection == connection_id::none || c.session == session_id::none)
    return true;
  const auto of = owner_.clients().find(guid);
  return of != nullptr && of->successor_of(c) == c;
}

// The client that will own the locks is known only here, from the open.
errc file_actor::reserve_locks(operation& op) {
  std::size_t wanted = 0;
  open_id open{};
  if (const auto* lock = std::get_if<lock_ranges>(&op.what)) {
    wanted = lock->elements.size();
    open = lock->open;
  } else if (const auto* reclaimed = std::get_if<reclaim_lock>(&op.what)) {
    wanted = 1;
    open = reclaimed->open;
  }
  if (wanted == 0)
    return errc::success;
  auto* const holder = holder_of(open);
  if (holder == nullptr)
    return errc::unknown_open;
  if (!holder->reserve_locks(wanted, owner_.limit(&limits::locks_per_client)))
    return errc::too_many_locks_of_client;
  if (!owner_.locks().reserve(wanted, owner_.limit(&limits::locks_total))) {
    holder->release_locks(wanted);
    return errc::too_many_locks;
  }
  op.reserved.owner = holder;
  op.reserved.locks = wanted;
  return errc::success;
}

void file_actor::run(const command& c, std::unique_ptr<operation> op) {
  if (owner_.cluster() != nullptr)
    return run_in_cluster(c, std::move(op));
  // Not a member, so that an idle file does not keep the memory.
  thread_local effects out;
  out.clear();
  if (!answers_.is_empty())
    look_at_answers(out);
  // A file without state has no pending operations.
  if (op == nullptr || state_.empty() || !is_of_a_kind_that_waits(c)) {
    apply(c, out, true);
    settle(out, std::move(op));
    return;
  }
  // Reserve a slot first: the operation is known to wait only after it has begun the breaks for
  // which it waits.
  reserved_place place(owner_);
  apply(c, out, place.is_held());
  if (settle(out, std::move(op)))
    place.keep();
}

void file_actor::apply(const command& c, effects& out, bool may_wait) {
  state_.apply(c, owner_.now(), out, may_wait);
  if (state_.holds_back())
    look_at_answers(out);
}

std::vector<const operation*> file_actor::those_that_waited(const std::vector<answer>& answers) {
  std::vector<const operation*> result; // usually empty, which needs no memory
  for (const auto& a : answers)
    if (a.op->waits.since != time_point{})
      result.push_back(a.op.get());
  return result;
}

// Returns whether `current` waits.
bool file_actor::settle(effects& out, std::unique_ptr<operation> current) {
  thread_local std::vector<answer> answers;
  answers.clear();
  const operation* const cause = current.get();
  for (const auto& r : out.recovered)
    account(r);
  for (auto& c : out.completions) {
    auto op = current && current->id == c.operation ? std::move(current) : take_parked(c.operation);
    if (op == nullptr)
      continue;
    end_wait(*op, c);
    account(*op, c);
    if (!is_success(c) || op->reserved.has_entered ||
      std::holds_alternative<lock_replayed>(c.result))
      give_back(*op);
    op->pending = expect_answer(c.result);
    answers.push_back({std::move(op), &c});
  }
  answer_last(answers, cause);
  const bool waits = current != nullptr;
  if (waits) {
    owner_.count_waiting(1);
    current->keep_working();
    current->ended_persistent = ends_persistent_open(*current, out);
  }
  // In a cluster every operation is on its way for a while, which is no wait for another client.
  const bool waits_for_others = waits && owner_.cluster() == nullptr;
  if (waits_for_others)
    begin_wait(*current);
  if (owner_.events() != nullptr)
    tell_events(out, answers, waits_for_others ? current.get() : nullptr);
  if (waits)
    parked_.add(std::move(current));
  // Release lease keys before any completion: a client that opens another file with the freed key
  // must not find it in use.
  for (const auto& e : out.ended) {
    account(e);
    if (e.cause == end_cause::expired || e.cause == end_cause::purged ||
      e.cause == end_cause::superseded || e.cause == end_cause::lost)
      owner_.report_lost({file_id(), e.open, e.client, e.cause, make_hold(e.hold), e.parent_key,
        e.hold != hold_id::none ? going_.take() : std::vector<deleted_name>{}});
  }
  if (!going_.empty())
    give_deleted_names(answers);
  if (!out.facts.empty())
    report_facts(owner_, *this, out, those_that_waited(answers));
  for (const auto& n : out.notifications)
    notify(n);
  for (const auto& asked : out.asked)
    owner_.ask_streams(*this, asked);
  if (!out.records.empty() || unstored_.load() != 0)
    store(out, answers);
  for (auto& a : answers) {
    auto& op = *a.op;
    op.finish(*this, std::move(a.op), a.with->error, a.with->result);
  }
  return waits;
}

// Complete the operations that were waiting before the close or acknowledgement that released them;
// their callers have work to start.
void file_actor::answer_last(std::vector<answer>& answers, const operation* op) {
  const auto found = std::find_if(
    answers.begin(), answers.end(), [op](const answer& a) { return a.op.get() == op; });
  if (found != answers.end())
    std::rotate(found, std::next(found), answers.end());
}

// True if the answer must not be sent before its records are durable, because a crash would
// otherwise undo something the client was told: a grant, permission to modify the file after a
// break, or the end of a persistent open.
bool file_actor::waits_for_store(const answer& a, const effects& out) const {
  if (!is_success(*a.with) || is_reconnect(*a.op))
    return false;
  const auto& c = a.op->what;
  if (a.op->reserved.open != open_id::none || std::holds_alternative<lock_ranges>(c) ||
    std::holds_alternative<access_file>(c) || std::holds_alternative<set_server_state>(c) ||
    std::holds_alternative<replay_open>(c))
    return true;
  if (const auto* const unlock = std::get_if<unlock_ranges>(&c))
    return state().is_persistent(unlock->open);
  return a.op->ended_persistent || ends_persistent_open(*a.op, out);
}

// In durable mode, such completions are passed on with the records. They are delivered when these
// and all earlier changes of this file are stored, because an answer may depend on the effects of
// an earlier command.
void file_actor::store(effects& out, std::vector<answer>& answers) {
  std::vector<gated_answer> gated;
  if (owner_.config().durable) {
    for (auto& a : answers)
      if (waits_for_store(a, out)) {
        a.op->keep_working();
        gated.push_back({file_ref(*this), std::move(a.op), std::move(*a.with)});
      }
    std::erase_if(answers, [](const answer& a) { return a.op == nullptr; });
  }
  if (out.records.empty() && gated.empty())
    return;
  file_ref changed;
  if (owner_.config().durable && !out.records.empty()) {
    unstored_.fetch_add(1);
    changed = file_ref(*this);
  }
  owner_.records()->submit(
    {std::move(changed), std::move(out.records), std::move(gated), owner_.now()});
}

std::unique_ptr<operation> file_actor::take_parked(operation_id id) {
  auto op = parked_.take(id);
  if (op == nullptr)
    return nullptr;
  owner_.count_waiting(-1);
  owner_.places().release(1);
  return op;
}

void file_actor::begin_wait(operation& op) const {
  auto& w = op.waits;
  w.since = owner_.now();
  if (const auto* const open = std::get_if<open_file>(&op.what))
    w.client = open->client;
  else if (const auto* const access = std::get_if<access_file>(&op.what))
    w.client = access->client;
  else if (const auto* const lock = std::get_if<lock_ranges>(&op.what))
    w.client = client_of(lock->open);
  else if (const auto* const closing = std::get_if<close_open>(&op.what))
    w.client = client_of(closing->open);
}

client_guid file_actor::client_of(open_id open) const noexcept {
  const auto* const holder = holder_of(open);
  return holder != nullptr ? holder->guid() : client_guid{};
}

void file_actor::end_wait(const operation& op, const completion& c) {
  if (op.waits.since != time_point{})
    owner_.count().add_wait(wait_kind_of(op.what), owner_.now() - op.waits.since);
  if (is_success(c) && std::holds_alternative<force_break>(op.what))
    owner_.count().add(counters::forced_breaks);
}

// Effects come before their causes complete: a break ends, then the operation that waited for it.
// Called while ended opens and completed operations are still known.
void file_actor::tell_events(
  const effects& out, const std::vector<answer>& answers, const operation* waiting) const {
  if (out.facts.empty() && out.notifications.empty() && out.ended.empty() && answers.empty() &&
    waiting == nullptr)
    return;
  turn_events events(*owner_.events(), *this, owner_);
  events.breaks(out);
  for (const auto& e : out.ended)
    events.ended(e);
  for (const auto& a : answers)
    events.completed(*a.op, *a.with);
  if (waiting != nullptr)
    events.waits(*waiting);
}

// Updates counters and tables at the end of an operation.
void file_actor::account(operation& op, const completion& c) {
  auto& count = owner_.count();
  if (c.error == errc::cancelled)
    count.add(counters::operations_cancelled);
  if (is_reconnect(op)) {
    if (is_success(c))
      take_over(op.reserved.open, *op.reserved.owner, op.reserved.key);
    return;
  }
  if (const auto* granted = std::get_if<open_granted>(&c.result);
      granted != nullptr && is_success(c) && op.reserved.open != open_id::none) {
    count.add(counters::opens);
    holders_.insert(find_holder(granted->open),
      held_open{granted->open, op.reserved.owner, std::move(op.reserved.place),
        std::move(op.reserved.base)});
    if (const auto& base = find_holder(granted->open)->base; base != nullptr)
      owner_.tell_base(*base, stream_opened{base->open});
  } else if (op.reserved.open != open_id::none) {
    count.add(counters::opens_refused);
  } else if (const auto* unlocked = std::get_if<ranges_unlocked>(&c.result);
             unlocked != nullptr && unlocked->count != 0) {
    if (auto* const whose = holder_of(std::get<unlock_ranges>(op.what).open))
      whose->release_locks(unlocked->count);
    owner_.locks().release(unlocked->count);
  }
}

void file_actor::place(open_id open, std::unique_ptr<placed_open> place) {
  const auto at = find_holder(open);
  if (at != holders_.end() && at->open == open && at->place == nullptr)
    at->place = std::move(place);
}

void file_actor::give_deleted_names(std::vector<answer>& answers) {
  for (const auto& a : answers) {
    const auto* const closed = std::get_if<open_closed>(&a.with->result);
    const auto* const removed = std::get_if<client_removed>(&a.with->result);
    if ((closed != nullptr && closed->delete_file) || (removed != nullptr && removed->delete_file))
      a.op->deleted = going_.take();
  }
}

void file_actor::name(std::vector<listed_entry>& entries) const {
  for (auto& e : entries) {
    if (const auto* const of = find_holder(e.open); of != nullptr && of->place != nullptr)
      e.path = of->place->path();
    if (const auto c = owner_.clients().find(e.client))
      e.label = c->label();
    if (e.kind != entry_kind::waiting)
      continue;
    if (const auto c = owner_.clients().find(e.blocker))
      e.blocker_label = c->label();
    if (e.path.empty())
      e.path = path_of_waiting(e.operation);
  }
}

// An open that waits has a path of its own. Other operations may come without an open: some path of
// the file says more than none.
std::string file_actor::path_of_waiting(operation_id id) const {
  std::string path;
  parked_.for_each([&](const operation& op) {
    if (op.id == id && op.reserved.place != nullptr)
      path = op.reserved.place->path();
  });
  return path.empty() ? path_of(open_id::none) : path;
}

std::string file_actor::path_of(open_id open) const {
  if (const auto* const of = find_holder(open); of != nullptr && of->place != nullptr)
    return of->place->path();
  const auto placed = std::find_if(
    holders_.begin(), holders_.end(), [](const auto& h) { return h.place != nullptr; });
  return placed != holders_.end() ? placed->place->path() : std::string();
}

bool file_actor::has_path(const list_request& r) const {
  bool found = std::any_of(holders_.begin(), holders_.end(),
    [&r](const auto& h) { return h.place != nullptr && r.has_path(h.place->path()); });
  parked_.for_each([&](const operation& op) {
    found = found || (op.reserved.place != nullptr && r.has_path(op.reserved.place->path()));
  });
  return found;
}

void file_actor::account(const open_ended& e) {
  owner_.count().add(counters::closes);
  const auto at = find_holder(e.open);
  if (at == holders_.end() || at->open != e.open)
    return;
  client* const whose = at->whose;
  // Before any operation that waited for it completes: an operation on the stream's file that is
  // told of the completion must know that the open there is about to be closed.
  if (at->base != nullptr)
    owner_.tell_base(*at->base, stream_closed{at->base->open});
  if (e.deletes && at->place != nullptr)
    going_.add(std::move(at->place));
  holders_.erase(at);
  if (holders_.empty())
    holders_.shrink_to_fit();
  if (e.locks != 0)
    owner_.locks().release(e.locks);
  owner_.opens().release(1);
  if (whose == nullptr)
    return owner_.count_unclaimed(-1);
  whose->release_locks(e.locks);
  whose->release_open(*this, e.key);
}

// The open was admitted before the restart; its client has not reconnected.
void file_actor::account(const open_recovered& r) {
  if (r.locks != 0)
    return owner_.locks().add(r.locks);
  owner_.opens().add(1);
  owner_.count_unclaimed(1);
  const auto at = find_holder(r.open);
  holders_.insert(at, held_open{r.open, nullptr, nullptr, nullptr});
}

// Gives the open to `now`, which has reserved room for it. With an oplock, that may be another
// client.
void file_actor::take_over(open_id open, client& now, const lease_key& key) {
  const auto at = find_holder(open);
  if (at == holders_.end() || at->open != open)
    return now.release_open(*this, key);
  client* const before = std::exchange(at->whose, &now);
  if (before == &now)
    return now.release_open(*this, key);
  constexpr auto any = std::numeric_limits<std::size_t>::max();
  const auto locks = state().locks_of(open);
  static_cast<void>(now.reserve_locks(locks, any));
  if (before == nullptr)
    return owner_.count_unclaimed(-1);
  before->release_locks(locks);
  before->release_open(*this, key);
}

// Releases the reservations of a failed operation, and those that end with the operation.
void file_actor::give_back(operation& op) {
  auto& r = op.reserved;
  if (r.owner == nullptr)
    return;
  if (r.locks != 0) {
    r.owner->release_locks(r.locks);
    owner_.locks().release(r.locks);
  }
  if (r.open != open_id::none) {
    if (!is_reconnect(op))
      owner_.opens().release(1);
    r.owner->release_open(*this, r.key);
  }
  if (r.has_entered)
    r.owner->leave(*this);
  r = {};
}

// Returns the position of the open, or where it would be inserted.
file_actor::holder_list::iterator file_actor::find_holder(open_id open) noexcept {
  return std::lower_bound(holders_.begin(), holders_.end(), open,
    [](const held_open& h, open_id id) { return h.open < id; });
}

const file_actor::held_open* file_actor::find_holder(open_id open) const noexcept {
  const auto at = std::lower_bound(holders_.begin(), holders_.end(), open,
    [](const held_open& h, open_id id) { return h.open < id; });
  return at != holders_.end() && at->open == open ? &*at : nullptr;
}

client* file_actor::holder_of(open_id open) const noexcept {
  const auto* const of = find_holder(open);
  return of != nullptr ? of->whose : nullptr;
}

void file_actor::notify(const break_notification& n) {
  break_report report(std::make_shared<file_link>(owner_.weak(), file_ref(*this)), n.id, n.offer);
  if (auto to = owner_.clients().find(n.client))
    sink_queue::push(client::notifications(std::move(to)), n, file_id(), std::move(report));
  else
    report.undeliverable();
}

void file_actor::see_answers() {
  if (owner_.cluster() != nullptr)
    return tell_answers();
  thread_local effects out;
  out.clear();
  look_at_answers(out);
  settle(out, nullptr);
}

// Responses for which nothing waits are processed here without a message. While a break is held
// back, the file is notified of each response; only then is the time needed.
void file_actor::look_at_answers(effects& out) {
  if (!state_.holds_back())
    return answers_.look(
      nullptr, [&](const answer_sent& sent) { state_.apply(sent, time_point{}, out); });
  const auto owner = owner_.weak();
  const auto now = owner_.now();
  answers_.look(&owner, [&](const answer_sent& sent) { state_.apply(sent, now, out); });
}

// Only a grant of caching needs a response.
pending_answer file_actor::expect_answer(const operation_result& result) {
  answer_sent sent;
  if (const auto* const granted = std::get_if<open_granted>(&result))
    sent = {granted->open, granted->answer};
  else if (const auto* const changed = std::get_if<access_granted>(&result))
    sent.answer = changed->answer;
  if (sent.answer == 0)
    return {};
  if (owner_.cluster() != nullptr)
    tell_answers(); // from now on, each response is a message
  return pending_answer(&answers_.expect(file_ref(*this), sent));
}

entry_guard file_actor::make_guard(guard_id id) {
  return entry_guard(std::make_shared<file_link>(owner_.weak(), file_ref(*this)), id);
}

// MS-FSA 2.1.5.1.1: no entry can be created in a directory that is being deleted.
void file_actor::guard_entry(std::unique_ptr<entry_call> call) {
  if (owner_.is_stopping())
    return call->answer(errc::shutting_down);
  if (state().is_going())
    return call->answer(errc::delete_pending);
  if (guards_ == nullptr)
    guards_ = std::make_unique<directory_guards>(owner_.limit(&limits::guards_per_directory));
  guards_->ask(*this, std::move(call));
  drop_unused_guards();
}

void file_actor::end_guard(guard_id id) {
  if (guards_ == nullptr)
    return;
  refuse_guards();
  guards_->end(*this, id);
  drop_unused_guards();
}

void file_actor::cancel_guard(operation_id target) {
  if (guards_ == nullptr)
    return;
  if (guards_->cancel(*this, target))
    owner_.count().add(counters::operations_cancelled);
  drop_unused_guards();
}

// Also refuses requests that came before the deletion of the directory.
void file_actor::refuse_guards() {
  if (guards_ == nullptr || !guards_->any_wait())
    return;
  if (owner_.is_stopping())
    guards_->refuse_waiting(*this, errc::shutting_down);
  else if (state().is_going())
    guards_->refuse_waiting(*this, errc::delete_pending);
}

void file_actor::drop_unused_guards() noexcept {
  if (guards_->empty())
    guards_.reset();
}

hold file_actor::make_hold(hold_id id) {
  if (id == hold_id::none)
    return {};
  return hold(std::make_shared<file_link>(owner_.weak(), file_ref(*this)), id);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
