#include "scene.hpp"

#include "ids.hpp"
#include "peek.hpp"

#include <algorithm>
#include <sstream>

namespace leasebreak::small_world {

namespace {

constexpr byte_range the_range{0, 10};
// So that epochs wrap around within a few steps.
constexpr std::uint16_t first_epoch = 0xfffe;
constexpr std::chrono::seconds durable_timeout{60};

} // namespace

const file_policy& policy() {
  static const file_policy the_policy{};
  return the_policy;
}

void scene::fail(const std::string& what) {
  if (problem_.empty())
    problem_ = what;
}

void scene::say(const std::string& what) {
  if (story_ != nullptr)
    *story_ += what + '\n';
}

// -- possible steps -------------------------------------------------------------------------------

namespace {

class enumerator {
public:
  explicit enumerator(const ledger& l) : l_(l) {}

  std::vector<action> all(bool has_deadline) {
    for (std::uint8_t client = 0; client < 2; ++client)
      add_opens(client);
    for (std::uint8_t s = 0; s < slot_count; ++s)
      add_steps_of(s);
    for (std::uint8_t h = 0; h < holder_count; ++h)
      add_acknowledgements(h);
    if (l_.operation_in(local_slot) == nullptr)
      add_each(verb::local_access, local_slot, l_.world->local.size());
    else if (l_.world->cancels)
      add(verb::cancel, local_slot);
    if (l_.world->holds)
      add_each(verb::make_change, nothing, l_.changes.size());
    if (has_deadline)
      add(verb::pass_time, nothing);
    return std::move(found_);
  }

private:
  void add(verb what, std::uint8_t s, std::size_t which = 0) {
    found_.push_back({what, s, static_cast<std::uint8_t>(which)});
  }

  void add_each(verb what, std::uint8_t s, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      add(what, s, i);
  }

  [[nodiscard]] bool is_used(std::uint8_t key) const {
    for (std::size_t s = 0; s < slot_count; ++s)
      if (l_.slots[s].is != slot::status::free && l_.choice_of(s).key == key)
        return true;
    return false;
  }

  [[nodiscard]] bool is_untouched() const {
    return l_.changes.empty() && l_.operations.empty() &&
      std::ranges::all_of(l_.slots, [](const slot& s) { return s.is == slot::status::free; });
  }

  // Clients, slots and keys are interchangeable, so use the first unused one.
  void add_opens(std::uint8_t client) {
    const auto first = static_cast<std::uint8_t>(client * 2);
    const bool is_first_free = l_.slots[first].is == slot::status::free;
    const auto s = static_cast<std::uint8_t>(is_first_free ? first : first + 1);
    if (l_.slots[s].is != slot::status::free || (client == 1 && is_untouched()))
      return;
    const bool is_second_key_alike = !is_used(1) && !is_used(2);
    for (std::size_t i = 0; i < l_.world->opens.size(); ++i)
      if (l_.world->opens[i].key != 2 || !is_second_key_alike)
        add(verb::open, s, i);
  }

  void add_steps_of(std::uint8_t s) {
    const auto& open = l_.slots[s];
    const bool waits = l_.operation_in(s) != nullptr;
    if (waits && l_.world->cancels)
      add(verb::cancel, s);
    if (open.answer.number != 0)
      add(verb::answer, s);
    if (l_.world->connections &&
      (open.is == slot::status::open || open.is == slot::status::opening))
      add(verb::lose, s);
    if (open.is == slot::status::lost)
      add(verb::reconnect, s);
    if (open.is != slot::status::open || !open.told)
      return;
    add(verb::close, s);
    if (waits)
      return;
    add_accesses(s);
    add_locks(s);
  }

  // MS-SMB2 3.3.5.21.1
  static std::uint32_t needed_for(access_kind kind) {
    return kind == access_kind::write ? access::write_data
      : kind == access_kind::rename   ? access::delete_file | access::write_attributes
                                      : access::delete_file;
  }

  void add_accesses(std::uint8_t s) {
    const auto granted = l_.choice_of(s).access;
    for (std::size_t i = 0; i < l_.world->accesses.size(); ++i)
      if ((granted & needed_for(l_.world->accesses[i])) != 0)
        add(verb::access, s, i);
  }

  void add_locks(std::uint8_t s) {
    const auto& open = l_.slots[s];
    for (std::size_t i = 0; i < l_.world->locks.size(); ++i)
      if (l_.world->locks[i].exclusive ? !open.exclusive_lock : open.shared_locks == 0)
        add(verb::lock, s, i);
    if (!l_.world->locks.empty())
      add(verb::unlock, s);
  }

  void add_acknowledgements(std::uint8_t h) {
    const auto& v = l_.views[h];
    if (!l_.is_attended(h))
      return;
    const auto add_one = [&](acknowledgement a) {
      add(verb::acknowledge, h, static_cast<std::size_t>(a));
    };
    add_one(acknowledgement::nothing); // valid without a break, too: the server must refuse it
    if (!v.must_answer)
      return;
    if (v.told_to != lease_state::none)
      add_one(acknowledgement::right);
    add_one(acknowledgement::everything);
  }

  const ledger& l_;
  std::vector<action> found_;
};

} // namespace

std::vector<action> scene::enabled() const {
  return enumerator(ledger_).all(file_.file().next_deadline().has_value());
}

// -- a step ---------------------------------------------------------------------------------------

void scene::step(const action& a, const std::string* before) {
  std::optional<ledger> copy;
  if (before != nullptr)
    copy = ledger_;
  before_ = copy ? &*copy : nullptr;
  checks_ = before != nullptr;
  now_ = a;
  own_ = operation_id::none;
  notices_.clear();
  completions_.clear();
  is_stale_ = false;
  say(describe(*ledger_.world, a));
  carry_out(begin(a));
  if (checks_)
    check(*before);
  make_changes();
  before_ = nullptr;
}

void scene::carry_out(const command& c) {
  take(file_.apply(c, ledger_.now));
}

// Profiles without `holds` make each announced change immediately.
void scene::make_changes() {
  while (!ledger_.world->holds && !ledger_.changes.empty() && problem_.empty()) {
    const auto hold = ledger_.changes.front().id;
    ledger_.changes.erase(ledger_.changes.begin());
    carry_out(end_hold{hold});
    if (checks_)
      check_server();
  }
}

operation_id scene::begin_operation(const action& a) {
  own_ = operation_id{++last_operation_};
  ledger_.operations.push_back({own_, a, ledger_.now});
  return own_;
}

command scene::begin(const action& a) {
  auto& at = ledger_.slots[a.slot < slot_count ? a.slot : 0];
  switch (a.what) {
  case verb::open:
    return begin_open(a, begin_operation(a));
  case verb::close:
    begin_close(a.slot);
    return close_open{{at.id}, begin_operation(a)};
  case verb::access:
    return access_file{
      {ledger_.world->accesses[a.which], at.id, client_of_slot(a.slot)}, begin_operation(a)};
  case verb::local_access:
    return access_file{{ledger_.world->local[a.which]}, begin_operation(a)};
  case verb::lock: {
    const auto& lock = ledger_.world->locks[a.which];
    return lock_ranges{{at.id, {{the_range, lock.exclusive}}, !lock.waits}, begin_operation(a)};
  }
  case verb::unlock:
    return unlock_ranges{{at.id, {the_range}}, begin_operation(a)};
  case verb::acknowledge:
    return begin_acknowledgement(a, begin_operation(a));
  case verb::answer: {
    const auto answer = std::exchange(at.answer, {});
    at.told = true;
    at.was_told = true;
    auto& v = ledger_.views[ledger_.holder_of(a.slot)];
    is_stale_ = v.time_runs;
    learn(v, answer, false);
    v.is_overdue = v.is_overdue && ledger_.has_answer_in_flight(ledger_.holder_of(a.slot));
    return answer_sent{at.id, answer.number};
  }
  case verb::lose:
    begin_loss(a.slot);
    return client_gone{begin_operation(a), client_of_slot(a.slot), connection_of_slot(a.slot)};
  case verb::reconnect: {
    reconnect_open c;
    c.operation = begin_operation(a);
    c.open = at.id;
    c.client = client_of_slot(a.slot);
    c.connection = connection_of_slot(a.slot);
    if (ledger_.choice_of(a.slot).has_lease())
      c.key = key_of_holder(ledger_.holder_of(a.slot));
    c.answer_follows = ledger_.world->answers;
    return c;
  }
  case verb::cancel:
    return cancel_operation{ledger_.operation_in(a.slot)->id};
  case verb::make_change: {
    const auto hold = ledger_.changes[a.which].id;
    ledger_.changes.erase(ledger_.changes.begin() + a.which);
    return end_hold{hold};
  }
  case verb::pass_time:
    ledger_.now = *file_.file().next_deadline();
    forfeit();
    return deadline_reached{};
  }
  return stop_waiting{};
}

command scene::begin_open(const action& a, operation_id id) {
  const auto& choice = ledger_.world->opens[a.which];
  auto& at = ledger_.slots[a.slot];
  at = {};
  at.is = slot::status::opening;
  at.choice = a.which;
  at.id = open_id{++last_open_};
  open_file c;
  c.operation = id;
  c.open = at.id;
  c.client = client_of_slot(a.slot);
  c.connection = connection_of_slot(a.slot);
  c.access = choice.access;
  c.share_access = choice.share_access;
  c.overwrites = choice.overwrites;
  c.delete_on_close = choice.delete_on_close;
  c.oplock = choice.oplock;
  if (choice.has_lease())
    c.lease = lease_request{key_of_holder(ledger_.holder_of(a.slot)), choice.state, choice.version,
      first_epoch, std::nullopt};
  if (choice.durable)
    c.durable.emplace().timeout = durable_timeout;
  c.answer_follows = ledger_.world->answers;
  return c;
}

// The client stops using the open when it sends the CLOSE.
void scene::begin_close(std::uint8_t s) {
  auto& at = ledger_.slots[s];
  at.is = slot::status::closing;
  at.answer = {};
  ledger_.doomed = ledger_.doomed || ledger_.choice_of(s).delete_on_close;
}

void scene::begin_loss(std::uint8_t s) {
  auto& at = ledger_.slots[s];
  // Notifications may have been in flight on the connection.
  for (std::size_t h = 0; h < holder_count; ++h) {
    const bool is_on_it = ledger::is_oplock(h) ? h == lease_count + s : h / 2 == s / 2;
    if (is_on_it && ledger_.is_there(h))
      ledger_.views[h].may_be_told_again = true;
  }
  if (at.is != slot::status::open)
    return;
  at.is = slot::status::lost;
  const bool is_answer_lost = std::exchange(at.answer, {}).number != 0;
  at.lost_at = ledger_.now;
  const auto holder = ledger_.holder_of(s);
  auto& v = ledger_.views[holder];
  v.may_know_less = v.may_know_less || is_answer_lost;
  forget(holder);
}

// The client stops using what it releases before it sends the acknowledgement.
command scene::begin_acknowledgement(const action& a, operation_id id) {
  auto& v = ledger_.views[a.slot];
  const bool is_oplock = ledger::is_oplock(a.slot);
  acknowledged_ = static_cast<acknowledgement>(a.which);
  was_acknowledgeable_ = v.must_answer || v.time_runs;
  const auto too_much = is_oplock ? lease_state::rw : lease_state::rwh;
  acknowledged_state_ = acknowledged_ == acknowledgement::right ? v.told_to
    : acknowledged_ == acknowledgement::nothing                 ? lease_state::none
                                                                : too_much;
  const bool is_accepted = acknowledged_ != acknowledgement::everything;
  if (was_acknowledgeable_ && (is_accepted || is_oplock)) {
    // MS-SMB2 3.3.5.22.1: a level that does not fit ends the break with level none.
    v.uses = is_accepted ? v.uses & acknowledged_state_ : lease_state::none;
    v.must_answer = false;
    v.time_runs = false;
    v.may_be_told_again = false;
  }
  if (is_oplock)
    return acknowledge_oplock{
      {client_of_slot(a.slot - lease_count), ledger_.slots[a.slot - lease_count].id,
        oplock_of(acknowledged_state_)},
      id};
  return acknowledge_lease{
    {client_of_holder(a.slot), key_of_holder(a.slot), acknowledged_state_}, id};
}

// MS-SMB2 3.3.6.1, 3.3.6.5: a holder that does not acknowledge in time loses everything.
void scene::forfeit() {
  for (auto& v : ledger_.views) {
    if (!v.time_runs || v.told_at + ledger_.policy->break_timeout > ledger_.now)
      continue;
    v.uses = v.heard ? lease_state::none : v.uses;
    v.must_answer = false;
    v.time_runs = false;
  }
}

// -- checks ---------------------------------------------------------------------------------------

void scene::check(const std::string& before) {
  check_server();
  if (problem_.empty())
    check_ended();
  if (problem_.empty() && now_.what == verb::lose)
    check_told_again();
  if (problem_.empty())
    check_waiting();
  if (problem_.empty())
    check_expected(before);
}

namespace {

// Returns the server's lease or oplock of the holder, or null.
const auto* find_entry(const file_state& file, const ledger& l, std::size_t holder) {
  const auto& state = file_state_peek::of(file);
  if (!ledger::is_oplock(holder))
    return static_cast<const detail::lease_entry*>(
      state.find_lease(client_of_holder(holder), key_of_holder(holder)));
  const auto* const open = state.find_open(l.slots[holder - lease_count].id);
  const bool has_oplock = open != nullptr && open->lease != nullptr && open->lease->info.is_oplock;
  return static_cast<const detail::lease_entry*>(has_oplock ? open->lease : nullptr);
}

} // namespace

std::array<bool, holder_count> scene::held_back() const {
  std::array<bool, holder_count> all{};
  const auto& state = file_state_peek::of(file_.file());
  for (std::size_t h = 0; h < holder_count; ++h) {
    const auto* const entry = find_entry(file_.file(), ledger_, h);
    all[h] = entry != nullptr && ledger_.has_answer_in_flight(h) && entry->info.breaking &&
      state.is_untold(*entry);
  }
  return all;
}

void scene::check_server() {
  if (const auto broken = file_.file().check_invariants(); !broken.empty())
    fail("invariant: " + broken);
  if (file_.file().waiting() != ledger_.operations.size())
    fail("the pending operations of the server and its clients differ");
  for (std::size_t s = 0; s < slot_count; ++s) {
    const auto& at = ledger_.slots[s];
    if (at.is_there() != (at.id != open_id::none && file_.file().has_open(at.id)))
      fail("the opens of the server and its clients differ");
    if (at.is == slot::status::open) {
      const auto& held = at;
      const bool foreign_exclusive = std::ranges::any_of(
        ledger_.slots, [&](const slot& other) { return &other != &held && other.exclusive_lock; });
      const bool foreign = foreign_exclusive ||
        std::ranges::any_of(ledger_.slots,
          [&](const slot& other) { return &other != &held && other.shared_locks != 0; });
      // MS-FSA 2.1.4.10
      const bool reads = file_.file().check_io(at.id, the_range, false) == errc::success;
      const bool writes = file_.file().check_io(at.id, the_range, true) == errc::success;
      if (reads == foreign_exclusive || writes == (foreign || held.shared_locks != 0))
        fail("locks block the wrong reads or writes");
    }
  }
  for (std::size_t h = 0; h < holder_count; ++h)
    check_view(h);
  for (const auto& problem : {check_caches(ledger_), check_shares(ledger_), check_locks(ledger_)})
    if (!problem.empty())
      fail(problem);
}

// The server must assume at least what the client uses. Without messages in flight, both must be
// equal.
void scene::check_view(std::size_t holder) {
  const auto& v = ledger_.views[holder];
  const auto* const entry = find_entry(file_.file(), ledger_, holder);
  const auto state = entry != nullptr ? entry->info.state : lease_state::none;
  if (!ledger_.is_attended(holder))
    return;
  std::ostringstream text;
  text << name_of_holder(holder) << ": the client uses " << v.uses << ", the server assumes "
       << state;
  if (!is_subset(v.uses, state))
    return fail(text.str());
  const bool breaking = entry != nullptr && entry->info.breaking;
  if (v.must_answer && !breaking)
    return fail(text.str() + ", but has no break in progress");
  if (ledger_.has_answer_in_flight(holder) || ledger_.has_lost(holder))
    return;
  // Without epochs, a client takes a late, older answer for the newest.
  const bool knows_order = (v.version == 2 || ledger::is_oplock(holder)) && !v.may_know_less;
  if (v.must_answer ? entry->info.break_to != v.told_to
                    : breaking || (knows_order && v.uses != state))
    fail(text.str() + ", but no message is in flight");
}

// A cancel ends the operation. A close or a lost connection ends all pending operations of the
// open.
void scene::check_ended() {
  const bool ends =
    now_.what == verb::cancel || now_.what == verb::close || now_.what == verb::lose;
  for (const auto& o : ledger_.operations)
    if (ends && o.what.slot == now_.slot && o.id != own_)
      fail("is still pending: " + describe(*ledger_.world, o.what));
}

// MS-SMB2 3.3.4.6, 3.3.4.7: a notification that may have been lost with its connection is sent on
// another one.
void scene::check_told_again() {
  for (std::size_t h = 0; h < holder_count; ++h) {
    const auto& v = ledger_.views[h];
    const bool is_lost = v.time_runs && before_->views[h].time_runs &&
      before_->views[h].told_on == connection_of_slot(now_.slot);
    const bool is_told =
      std::ranges::find(notices_, h, &expectation::notice::holder) != notices_.end();
    if (is_lost && !is_told && ledger_.is_attended(h) && !ledger_.has_answer_in_flight(h))
      fail(name_of_holder(h) + " may not have received a break, and it is not sent again");
  }
}

void scene::check_waiting() {
  const auto held = held_back();
  for (const auto& o : ledger_.operations) {
    if (!has_reason_to_wait(ledger_, o, held))
      fail("waits without a reason: " + describe(*ledger_.world, o.what));
    if (o.what.what != verb::lock && ledger_.now >= o.since + ledger_.policy->wait_max)
      fail("waits too long: " + describe(*ledger_.world, o.what));
  }
}

void scene::check_expected(const std::string& before) {
  const auto done = own_ == operation_id::none
    ? completions_.end()
    : std::ranges::find(completions_, own_, &completion::operation);
  const bool is_done = done != completions_.end();
  const bool waits =
    std::ranges::find(ledger_.operations, own_, &operation::id) != ledger_.operations.end();
  if (is_quiet(*before_)) {
    if (auto e = expect(*before_, now_)) {
      if (e->waits != waits)
        return fail(e->waits ? "does not wait for what it breaks" : "waits without a reason");
      if (!waits && is_done && done->error != e->error)
        return fail("expected: " + to_string(e->error) + "; was: " + to_string(done->error));
      std::ranges::sort(notices_, {}, &expectation::notice::holder);
      if (notices_ != e->notices)
        return fail("breaks differ from the table of MS-FSA 2.1.4.12");
    }
  }
  if (now_.what == verb::open && before_->doomed && before_->any_open() &&
    (!is_done || done->error != errc::delete_pending || !notices_.empty()))
    return fail("a file that is marked for deletion is opened");
  const bool may_change = now_.what == verb::reconnect ||
    (now_.what == verb::acknowledge && ledger::is_oplock(now_.slot) && was_acknowledgeable_);
  if (is_done && done->error != errc::success && !may_change && canonical_file() != before)
    fail("an error changed something: " + to_string(done->error));
}

// -- the end --------------------------------------------------------------------------------------

void scene::finish() {
  const auto once = [&](verb what, std::uint8_t s) {
    if (problem_.empty())
      step({what, s, 0});
  };
  for (int round = 0; round < 40 && problem_.empty(); ++round) {
    while (!ledger_.changes.empty() && problem_.empty())
      once(verb::make_change, nothing);
    for (std::uint8_t s = 0; s < slot_count; ++s) {
      if (ledger_.slots[s].answer.number != 0)
        once(verb::answer, s);
      if (ledger_.slots[s].is == slot::status::open && ledger_.slots[s].told)
        once(verb::close, s);
    }
    if (file_.file().next_deadline())
      once(verb::pass_time, nothing);
  }
  if (!problem_.empty())
    problem_ += " (after all opens are closed and all time has passed)";
  else if (!file_.file().empty() || file_.file().next_deadline() || !ledger_.operations.empty())
    fail("something is left after all opens are closed and all time has passed");
}

} // namespace leasebreak::small_world
