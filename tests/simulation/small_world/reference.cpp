#include "reference.hpp"

#include <algorithm>
#include <sstream>

namespace leasebreak::small_world {

namespace {

using enum lease_state;

// MS-FSA 2.1.4.12, one row for each cause. A lease that loses Read loses everything.
struct row {
  cause why;
  lease_state lease_loses;
  lease_state batch_to;
  lease_state exclusive_to;
  lease_state level_ii_to;
  lease_state waits_for; ///< The operation waits for holders of any of these.
};

constexpr lease_state wh = write | handle;
constexpr row table[] = {
  // cause                   lease loses  batch  excl.  II    waits for
  {cause::open, /*          */ write, /**/ r, /**/ r, /**/ r, write},
  {cause::overwrite, /*     */ rwh, /*  */ none, none, none, write},
  {cause::sharing_conflict, /**/ handle, r, /**/ rw, /**/ r, handle},
  {cause::write, /*         */ rwh, /*  */ none, none, none, write},
  {cause::rename, /*        */ handle, /**/ none, rw, /**/ r, handle},
  {cause::removal, /*       */ handle, /**/ r, /**/ rw, /**/ r, handle},
  {cause::local_read, /*    */ write, /**/ r, /**/ r, /**/ r, write},
  {cause::local_removal, /* */ wh, /*   */ r, /**/ r, /**/ r, wh},
};

const row& row_of(cause why) {
  return *std::ranges::find(table, why, &row::why);
}

constexpr std::uint32_t reads = access::read_data | access::execute;
constexpr std::uint32_t writes = access::write_data | access::append_data;

bool denies(std::uint32_t done, const open_choice& other) {
  return ((done & reads) != 0 && (other.share_access & share::read) == 0) ||
    ((done & writes) != 0 && (other.share_access & share::write) == 0) ||
    ((done & access::delete_file) != 0 && (other.share_access & share::delete_file) == 0);
}

bool uses_data(std::uint32_t done) {
  return (done & (reads | writes | access::delete_file)) != 0;
}

std::uint32_t done_by(const open_choice& c, bool opening) {
  return opening && c.overwrites ? c.access | access::write_data : c.access;
}

} // namespace

std::string name_of_holder(std::size_t holder) {
  std::ostringstream name;
  if (ledger::is_oplock(holder))
    name << "the oplock of " << (holder - lease_count < 2 ? 'A' : 'B') << (holder % 2 + 1);
  else
    name << (holder < 2 ? 'A' : 'B') << "'s lease k" << (holder % 2 + 1);
  return name.str();
}

lease_state kept_under(cause why, bool is_oplock, lease_state held) {
  const auto& rule = row_of(why);
  if (!is_oplock)
    return held - rule.lease_loses;
  const auto to = held == rwh ? rule.batch_to : held == rw ? rule.exclusive_to : rule.level_ii_to;
  return to & held;
}

bool waits_for(cause why, lease_state held) {
  return intersects(held, row_of(why).waits_for);
}

bool exclude_each_other(const open_choice& a, const open_choice& b, bool opening) {
  const auto of_a = done_by(a, opening);
  return uses_data(of_a) && uses_data(b.access) && (denies(of_a, b) || denies(b.access, a));
}

bool conflicts(
  const ledger& l, std::size_t opening_slot, const open_choice& choice, bool also_lost) {
  for (std::size_t s = 0; s < slot_count; ++s)
    if (s != opening_slot && l.slots[s].is_there() &&
      (also_lost || l.slots[s].is != slot::status::lost) &&
      exclude_each_other(choice, l.choice_of(s), true))
      return true;
  return false;
}

bool is_stat(const open_choice& choice) {
  constexpr auto harmless =
    access::read_attributes | access::write_attributes | access::synchronize;
  return (choice.access & ~harmless) == 0 && !choice.overwrites;
}

// -- what is granted ------------------------------------------------------------------------------

namespace {

std::uint8_t holder_of(std::size_t s, const open_choice& choice) {
  return static_cast<std::uint8_t>(
    choice.has_lease() ? (s / 2) * 2 + choice.key - 1U : lease_count + s);
}

// MS-FSA 2.1.5.18.1: Write is granted only without other opens. An open for attributes alone does
// not count, unless it has a lease or an oplock.
bool is_alone(const ledger& l, std::size_t opening_slot, std::uint8_t own) {
  for (std::size_t s = 0; s < slot_count; ++s) {
    if (s == opening_slot || !l.slots[s].is_there() || l.holder_of(s) == own)
      continue;
    const auto& other = l.choice_of(s);
    if (other.has_lease() || !is_stat(other) || l.views[l.holder_of(s)].uses != none)
      return false;
  }
  return true;
}

bool any_lock(const ledger& l) {
  return std::ranges::any_of(
    l.slots, [](const slot& s) { return s.exclusive_lock || s.shared_locks != 0; });
}

// The caching that announced changes would make stale.
lease_state withheld(const ledger& l, std::uint8_t own) {
  auto all = none;
  for (const auto& c : l.changes)
    if (c.holder != own || ledger::is_oplock(own))
      all = all | (c.is == change::kind::name ? handle : rwh);
  return all;
}

} // namespace

lease_state granted_to(const ledger& l, std::size_t opening_slot, const open_choice& choice) {
  const auto own = holder_of(opening_slot, choice);
  const auto wanted = choice.wanted();
  const auto held = choice.has_lease() ? l.views[own].uses : none;
  auto state = wanted;
  if (!choice.has_lease() && is_stat(choice))
    return none;
  if (!choice.overwrites && any_lock(l))
    state = state - rh;
  state = state - withheld(l, own);
  if (!is_alone(l, opening_slot, own))
    state = state - write;
  for (std::size_t h = 0; h < holder_count; ++h) {
    const auto other = l.views[h].uses;
    if (h == own || other == none)
      continue;
    if (intersects(other, write))
      state = none;
    // MS-FSA 2.1.5.18.2: level II and RH exclude each other.
    if (choice.has_lease() && ledger::is_oplock(h))
      state = state - handle;
    if (!choice.has_lease() && !ledger::is_oplock(h) && intersects(other, handle))
      state = none;
  }
  if (!is_valid(state, false))
    state = none;
  if (!choice.has_lease())
    return state_of(oplock_of(state));
  // MS-SMB2 3.3.5.9.8: an existing lease is promoted to the full request, or is unchanged.
  if (l.is_there(own) && (l.views[own].must_answer || state != wanted || !is_subset(held, state)))
    return held;
  return state;
}

// -- effects in a quiet world ---------------------------------------------------------------------

bool is_quiet(const ledger& l) {
  const bool told =
    std::ranges::none_of(l.views, [](const view& v) { return v.must_answer || v.time_runs; });
  const bool here = std::ranges::none_of(
    l.slots, [](const slot& s) { return s.is == slot::status::lost || s.answer.number != 0; });
  return told && here && l.operations.empty() && l.changes.empty() && !l.doomed &&
    !l.may_be_behind();
}

namespace {

void take_from_all(const ledger& l, cause why, std::uint8_t spared, expectation& e) {
  for (std::uint8_t h = 0; h < holder_count; ++h) {
    const auto held = l.views[h].uses;
    const auto to = kept_under(why, ledger::is_oplock(h), held);
    if (h == spared || to == held)
      continue;
    // MS-SMB2 3.3.4.7: a holder of Read alone need not acknowledge.
    e.notices.push_back({h, held, to, held != r});
    e.waits = e.waits || waits_for(why, held);
  }
}

expectation expect_open(const ledger& l, std::size_t s, const open_choice& choice) {
  expectation e;
  const bool conflict = conflicts(l, s, choice);
  if (is_stat(choice))
    return e;
  take_from_all(l,
    conflict              ? cause::sharing_conflict
      : choice.overwrites ? cause::overwrite
                          : cause::open,
    choice.has_lease() ? holder_of(s, choice) : nothing, e);
  if (conflict && !e.waits)
    e.error = errc::sharing_violation;
  return e;
}

// The holder of Write is the only one. A change by the holder of a level II oplock breaks that
// oplock, too.
expectation expect_data_change(const ledger& l, std::uint8_t own) {
  expectation e;
  if (own != nothing && intersects(l.views[own].uses, write))
    return e;
  take_from_all(l, cause::write, own != nothing && ledger::is_oplock(own) ? nothing : own, e);
  return e;
}

std::optional<expectation> expect_access(const ledger& l, std::uint8_t own, access_kind kind) {
  expectation e;
  const bool is_local = own == nothing;
  switch (kind) {
  case access_kind::read:
    take_from_all(l, cause::local_read, own, e);
    return e;
  case access_kind::write:
    return expect_data_change(l, own);
  case access_kind::rename:
    take_from_all(l, cause::rename, own, e);
    return e;
  case access_kind::set_delete:
  case access_kind::unlink:
    take_from_all(l, is_local ? cause::local_removal : cause::removal, own, e);
    return e;
  case access_kind::clear_delete:
    return e;
  default:
    return std::nullopt;
  }
}

bool meets_lock(const ledger& l, std::size_t s, bool exclusive) {
  for (std::size_t other = 0; other < slot_count; ++other) {
    const auto& held = l.slots[other];
    // MS-FSA 2.1.5.8: an owner may stack a shared lock on its own exclusive one.
    const bool shared_in_way = exclusive && held.shared_locks != 0;
    const bool exclusive_in_way = held.exclusive_lock && (exclusive || other != s);
    if (shared_in_way || exclusive_in_way)
      return true;
  }
  return false;
}

std::optional<expectation> expect_lock(const ledger& l, const action& a) {
  const auto& choice = l.world->locks[a.which];
  if (!meets_lock(l, a.slot, choice.exclusive))
    return expect_data_change(l, l.holder_of(a.slot));
  expectation e;
  e.waits = choice.waits;
  e.error = errc::lock_not_granted;
  return e;
}

// MS-FSA 2.1.5.4: the file is marked for deletion, so Handle caching of other holders is broken.
std::optional<expectation> expect_close(const ledger& l, std::size_t s) {
  expectation e;
  auto rest = l;
  rest.slots[s].is = slot::status::free;
  if (!l.choice_of(s).delete_on_close || !rest.any_open())
    return e;
  take_from_all(l, cause::removal, l.holder_of(s), e);
  return e;
}

// MS-SMB2 3.3.7.1: the server closes the open, and does not wait.
std::optional<expectation> expect_loss(const ledger& l, std::size_t s) {
  if (l.slots[s].durable || l.slots[s].is != slot::status::open)
    return std::nullopt;
  auto e = expect_close(l, s);
  e->waits = false;
  return e;
}

} // namespace

std::optional<expectation> expect(const ledger& before, const action& a) {
  switch (a.what) {
  case verb::open:
    return expect_open(before, a.slot, before.world->opens[a.which]);
  case verb::close:
    return expect_close(before, a.slot);
  case verb::lose:
    return expect_loss(before, a.slot);
  case verb::access:
    return expect_access(before, before.holder_of(a.slot), before.world->accesses[a.which]);
  case verb::local_access:
    return expect_access(before, nothing, before.world->local[a.which]);
  case verb::lock:
    return expect_lock(before, a);
  default:
    return std::nullopt;
  }
}

// -- waiting --------------------------------------------------------------------------------------

namespace {

struct waited_for {
  lease_state of_leases = none;
  lease_state of_oplocks = none;
  bool left_read =
    false; ///< Wait for holders that keep Read after the break (docs/semantics.md, "Choices").
  std::uint8_t spared = nothing;
};

waited_for awaited_by_open(const ledger& l, const operation& o) {
  const auto& choice = l.world->opens[o.what.which];
  if (is_stat(choice))
    return {};
  const auto own = choice.has_lease() ? holder_of(o.what.slot, choice) : nothing;
  const bool conflict = conflicts(l, o.what.slot, choice);
  // An open that breaks nothing itself waits for all lease breaks in progress ("Choices").
  return {rwh, conflict ? handle : write, choice.overwrites, own};
}

waited_for awaited_by_access(access_kind kind, std::uint8_t own) {
  switch (kind) {
  case access_kind::write:
    return {write, write, true, own};
  case access_kind::read:
    return {write, write, false, own};
  case access_kind::unlink:
    return {own == nothing ? wh : handle, own == nothing ? wh : handle, false, own};
  default:
    return {handle, handle, false, own};
  }
}

waited_for awaited_by(const ledger& l, const operation& o) {
  switch (o.what.what) {
  case verb::open:
    return awaited_by_open(l, o);
  case verb::access:
    return awaited_by_access(l.world->accesses[o.what.which], l.holder_of(o.what.slot));
  case verb::local_access:
    return awaited_by_access(l.world->local[o.what.which], nothing);
  case verb::lock:
    return awaited_by_access(access_kind::write, l.holder_of(o.what.slot));
  case verb::close:
    return {handle, handle, false, l.holder_of(o.what.slot)};
  default:
    return {};
  }
}

} // namespace

bool has_reason_to_wait(
  const ledger& l, const operation& o, const std::array<bool, holder_count>& held_back) {
  if (o.what.what == verb::open && l.is_being_deleted())
    return true;
  if (o.what.what == verb::lock && l.world->locks[o.what.which].waits &&
    meets_lock(l, o.what.slot, l.world->locks[o.what.which].exclusive))
    return true;
  const auto awaited = awaited_by(l, o);
  for (std::size_t h = 0; h < holder_count; ++h) {
    const auto& v = l.views[h];
    if (h == awaited.spared)
      continue;
    // What a holder without its answer uses is unknown; its break is held back.
    if (held_back[h])
      return true;
    if (!v.time_runs)
      continue;
    const auto of = ledger::is_oplock(h) ? awaited.of_oplocks : awaited.of_leases;
    const auto until_answered = v.told_from | (of == rwh ? r : none);
    if (intersects(until_answered, of) || (awaited.left_read && intersects(v.told_to, read)))
      return true;
  }
  return false;
}

bool may_fail(
  const ledger& before, const ledger& after, const operation& o, errc error, const action& step) {
  const bool is_cancelled = step.what == verb::cancel && step.slot == o.what.slot;
  const bool is_lost = step.what == verb::lose && step.slot == o.what.slot;
  const bool is_closed = step.what == verb::close && step.slot == o.what.slot;
  const bool is_late = o.what.what != verb::lock && after.now >= o.since + after.policy->wait_max;
  switch (error) {
  case errc::cancelled:
    return is_cancelled;
  case errc::client_gone:
    return is_lost;
  case errc::unknown_open:
    return o.what.what == verb::access && (is_closed || is_lost);
  case errc::range_not_locked:
    return (o.what.what == verb::lock && (is_closed || is_lost)) ||
      (o.what.what == verb::unlock && !before.slots[o.what.slot].exclusive_lock &&
        before.slots[o.what.slot].shared_locks == 0);
  case errc::delete_pending:
    return o.what.what == verb::open &&
      (before.doomed || after.doomed || before.is_being_deleted());
  case errc::sharing_violation:
    return o.what.what == verb::open &&
      (is_late || conflicts(after, o.what.slot, after.world->opens[o.what.which]));
  case errc::access_denied:
  case errc::break_timed_out:
    return (o.what.what == verb::access || o.what.what == verb::local_access) && is_late;
  case errc::lock_not_granted:
    return o.what.what == verb::lock && !after.world->locks[o.what.which].waits &&
      meets_lock(before, o.what.slot, after.world->locks[o.what.which].exclusive);
  default:
    return false;
  }
}

// -- invariants -----------------------------------------------------------------------------------

namespace {

std::string both(std::size_t a, lease_state of_a, std::size_t b, lease_state of_b) {
  std::ostringstream out;
  out << name_of_holder(a) << " uses " << of_a << " while " << name_of_holder(b) << " uses "
      << of_b;
  return out.str();
}

// MS-FSA 2.1.5.18: which states two holders may have at the same time.
std::string check_pair(const ledger& l, std::size_t a, std::size_t b) {
  const auto of_a = l.views[a].uses;
  const auto of_b = l.views[b].uses;
  const bool leases_and_oplock = ledger::is_oplock(b) && !ledger::is_oplock(a);
  if (of_a == none || of_b == none)
    return "";
  if (intersects(of_a, write) || intersects(of_b, write) ||
    (leases_and_oplock && intersects(of_a, handle)))
    return both(a, of_a, b, of_b);
  return "";
}

std::string check_writer(const ledger& l, std::size_t h) {
  for (std::size_t s = 0; s < slot_count; ++s)
    if (l.slots[s].is_there() && l.holder_of(s) != h && !is_stat(l.choice_of(s)))
      return name_of_holder(h) + " uses W, but another open exists";
  return "";
}

std::string check_change(const ledger& l, const change& c, std::size_t h) {
  const auto stale = c.is == change::kind::name ? handle : read;
  if (h == c.holder || !intersects(l.views[h].uses, stale))
    return "";
  return name_of_holder(h) + " caches data that is being changed";
}

} // namespace

std::string check_caches(const ledger& l) {
  for (std::size_t a = 0; a < holder_count; ++a) {
    if (!l.is_attended(a))
      continue;
    if (intersects(l.views[a].uses, write))
      if (auto problem = check_writer(l, a); !problem.empty())
        return problem;
    for (const auto& c : l.changes)
      if (auto problem = check_change(l, c, a); !problem.empty())
        return problem;
    for (std::size_t b = a + 1; b < holder_count; ++b)
      if (l.is_attended(b))
        if (auto problem = check_pair(l, a, b); !problem.empty())
          return problem;
  }
  return "";
}

std::string check_shares(const ledger& l) {
  for (std::size_t a = 0; a < slot_count; ++a)
    for (std::size_t b = a + 1; b < slot_count; ++b)
      if (l.slots[a].is_there() && l.slots[b].is_there() &&
        exclude_each_other(l.choice_of(a), l.choice_of(b), false))
        return "two opens exclude each other";
  return "";
}

std::string check_locks(const ledger& l) {
  for (std::size_t s = 0; s < slot_count; ++s) {
    if (!l.slots[s].exclusive_lock)
      continue;
    for (std::size_t other = 0; other < slot_count; ++other)
      if (other != s && (l.slots[other].exclusive_lock || l.slots[other].shared_locks != 0))
        return "two opens hold locks that exclude each other";
  }
  return "";
}

} // namespace leasebreak::small_world
