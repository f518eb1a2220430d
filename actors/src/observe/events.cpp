#include "events.hpp"

#include "api/coordinator_impl.hpp"
#include "files/file_actor.hpp"

#include <utility>
#include <variant>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

std::string_view to_string(event_kind kind) noexcept {
  switch (kind) {
  case event_kind::opened:
    return "opened";
  case event_kind::open_refused:
    return "open_refused";
  case event_kind::granted:
    return "granted";
  case event_kind::closed:
    return "closed";
  case event_kind::break_begun:
    return "break_begun";
  case event_kind::break_notified:
    return "break_notified";
  case event_kind::break_overdue:
    return "break_overdue";
  case event_kind::acknowledged:
    return "acknowledged";
  case event_kind::expired:
    return "expired";
  case event_kind::break_ended:
    return "break_ended";
  case event_kind::acknowledgement_refused:
    return "acknowledgement_refused";
  case event_kind::wait_began:
    return "wait_began";
  case event_kind::wait_ended:
    return "wait_ended";
  case event_kind::client_lost:
    return "client_lost";
  case event_kind::client_unresponsive:
    return "client_unresponsive";
  }
  return "unknown";
}

std::string_view to_string(end_cause cause) noexcept {
  switch (cause) {
  case end_cause::closed:
    return "closed";
  case end_cause::disconnected:
    return "disconnected";
  case end_cause::expired:
    return "expired";
  case end_cause::purged:
    return "purged";
  case end_cause::superseded:
    return "superseded";
  case end_cause::lost:
    return "lost";
  }
  return "unknown";
}

namespace detail {

namespace {

wait_kind kind_of_access(access_kind kind) noexcept {
  switch (kind) {
  case access_kind::read:
    return wait_kind::read;
  case access_kind::write:
    return wait_kind::write;
  case access_kind::rename:
  case access_kind::replace:
  case access_kind::rename_ancestor:
  case access_kind::rename_tree:
  case access_kind::rename_into:
    return wait_kind::rename;
  case access_kind::enter_tree:
  case access_kind::overwrite_base:
    return wait_kind::open;
  case access_kind::prepare_delete:
  case access_kind::set_delete:
  case access_kind::unlink:
  case access_kind::remove_unopened:
  case access_kind::remove_base:
    return wait_kind::remove;
  default:
    return wait_kind::other;
  }
}

std::string label_of(const coordinator_impl& owner, const client_guid& guid) {
  const auto known = guid.is_zero() ? nullptr : owner.clients().find(guid);
  return known ? known->label() : std::string();
}

event_kind end_of(break_outcome outcome) {
  if (outcome == break_outcome::acknowledged)
    return event_kind::acknowledged;
  return outcome == break_outcome::timed_out ? event_kind::expired : event_kind::break_ended;
}

} // namespace

wait_kind wait_kind_of(const command& c) noexcept {
  if (const auto* const access = std::get_if<access_file>(&c))
    return kind_of_access(access->kind);
  if (std::holds_alternative<open_file>(c))
    return wait_kind::open;
  if (std::holds_alternative<close_open>(c))
    return wait_kind::close;
  if (std::holds_alternative<lock_ranges>(c))
    return wait_kind::lock;
  return std::holds_alternative<force_break>(c) ? wait_kind::forced : wait_kind::other;
}

turn_events::turn_events(event_sink& to, const file_actor& file, coordinator_impl& owner)
  : turn_(to), file_(file), owner_(owner), now_(owner.now()) {}

event turn_events::make(event_kind kind, const client_guid& client, open_id open) const {
  event e;
  e.kind = kind;
  e.time = now_;
  e.file_id = file_.file_id();
  e.path = file_.path_of(open);
  e.client = client;
  e.label = label_of(owner_, client);
  e.open = open;
  return e;
}

class turn_events::facts {
public:
  facts(const turn_events& of, const effects& out) : of_(of), next_(out.notifications.begin()) {}

  void operator()(const break_begun& f) {
    auto e = of_.make(event_kind::break_begun, f.client, f.open);
    e.break_number = f.id;
    e.key = f.key;
    e.cause = f.cause;
    e.from = f.from;
    e.to = f.to;
    of_.tell(e);
  }

  void operator()(const break_ended& f) const {
    auto e = of_.make(end_of(f.outcome), f.client, f.open);
    e.break_number = f.id;
    e.key = f.key;
    e.cause = f.cause;
    e.outcome = f.outcome;
    e.from = f.from;
    e.to = f.to;
    e.left = f.left;
    e.lasted = f.age;
    e.waiting = f.waiting;
    of_.tell(e);
  }

  void operator()(const acknowledgement_refused& f) const {
    auto e = of_.make(event_kind::acknowledgement_refused, f.client, open_id::none);
    e.key = f.key;
    e.error = f.error;
    of_.tell(e);
  }

  template <class Other>
  void operator()(const Other&) const {
    // no event
  }

  /// Reports the notifications of the break that has just begun, which come before its end.
  void notified(const effects& out, break_id of) {
    for (; next_ != out.notifications.end() && next_->id == of; ++next_)
      of_.notified(*next_);
  }
  void notified_rest(const effects& out) {
    for (; next_ != out.notifications.end(); ++next_)
      of_.notified(*next_);
  }

private:
  const turn_events& of_;
  std::vector<break_notification>::const_iterator next_;
};

void turn_events::breaks(const effects& out) {
  if (!turn_.is_open())
    return;
  facts all(*this, out);
  for (const auto& f : out.facts) {
    std::visit(all, f);
    if (const auto* const begun = std::get_if<break_begun>(&f))
      all.notified(out, begun->id);
  }
  all.notified_rest(out);
}

void turn_events::notified(const break_notification& n) const {
  auto e = make(event_kind::break_notified, n.client, n.open);
  e.break_number = n.id;
  e.key = n.key;
  e.connection = n.connection();
  e.cause = n.cause;
  e.from = n.from;
  e.to = n.to;
  e.needs_acknowledgement = n.ack_required;
  tell(e);
}

void turn_events::ended(const open_ended& ended) {
  if (!turn_.is_open())
    return;
  auto e = make(event_kind::closed, ended.client, ended.open);
  e.key = ended.key;
  e.ended_by = ended.cause;
  tell(e);
}

void turn_events::completed(const operation& op, const completion& c) {
  if (!turn_.is_open())
    return;
  wait_ended(op, c);
  const auto* const open = std::get_if<open_file>(&op.what);
  if (open == nullptr)
    return;
  const auto* const granted = std::get_if<open_granted>(&c.result);
  if (c.error != errc::success || granted == nullptr) {
    auto e = make(event_kind::open_refused, open->client, open_id::none);
    e.operation = op.id;
    e.error = c.error;
    if (op.reserved.place != nullptr)
      e.path = op.reserved.place->path();
    return tell(e);
  }
  auto e = make(event_kind::opened, open->client, granted->open);
  e.operation = op.id;
  e.key = granted->key;
  e.to = granted->state;
  tell(e);
  if (granted->state == lease_state::none)
    return;
  e.kind = event_kind::granted;
  tell(e);
}

void turn_events::overdue(const std::vector<overdue_break>& breaks) {
  if (!turn_.is_open())
    return;
  for (const auto& b : breaks) {
    auto e = make(event_kind::break_overdue, b.client, b.open);
    e.break_number = b.id;
    e.key = b.key;
    e.cause = b.cause;
    e.from = b.from;
    e.to = b.to;
    e.lasted = now_ - b.since;
    e.waiting = file_.state().waiting();
    tell(e);
  }
}

void turn_events::waits(const operation& op) {
  if (!turn_.is_open())
    return;
  auto e = make(event_kind::wait_began, op.waits.client, open_id::none);
  e.operation = op.id;
  e.wait = wait_kind_of(op.what);
  if (op.reserved.place != nullptr)
    e.path = op.reserved.place->path();
  tell(e);
}

void turn_events::wait_ended(const operation& op, const completion& c) const {
  if (op.waits.since == time_point{})
    return;
  auto e = make(event_kind::wait_ended, op.waits.client, open_id::none);
  e.operation = op.id;
  e.wait = wait_kind_of(op.what);
  e.error = c.error;
  e.lasted = now_ - op.waits.since;
  if (op.reserved.place != nullptr)
    e.path = op.reserved.place->path();
  tell(e);
}

void tell_of_client(coordinator_impl& owner, event e) {
  auto* const to = owner.events();
  if (to == nullptr)
    return;
  const event_sink::turn turn(*to);
  if (!turn.is_open())
    return;
  e.time = owner.now();
  e.label = label_of(owner, e.client);
  turn.tell(e);
}

} // namespace detail

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
