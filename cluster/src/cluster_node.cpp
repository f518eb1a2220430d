// Connects the parts of a node: lease, views, sessions, requests and slots.
#include <leasebreak/cluster/cluster_node.hpp>

#include "client_requests.hpp"
#include "membership.hpp"
#include "owned_slots.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

struct cluster_node::impl final : message_sender {
  impl(const node_settings& s, view_member who, std::size_t slots)
    : settings(s), self(std::move(who)), slot_count(slots), lease(s.lease), heard(s.peer_timeout),
      disputed(s.lease.length, s.peer_timeout + 2 * s.reading), requests(self.node, *this),
      owned(self.node, s.requests_max) {}

  // -- the lease and the engine
  /// Returns whether the node may go on. Must be called first by each input.
  bool begin(time_point now, node_effects& out);
  void step_down(step_down_cause cause, time_point now, node_effects& out);
  void renew(time_point now, node_effects& out);
  void propose(const engine_document& d, time_point now, node_effects& out);
  [[nodiscard]] bool may_join(const engine_document& d, time_point now) const;

  // -- views
  void read(const engine_document& d, time_point sent, time_point now, node_effects& out);
  void install(const view& v, time_point now, node_effects& out);
  void end_fenced(node_effects& out);

  // -- messages
  void send(node_id to, message_body body) override;
  peer_session& session(node_id peer);
  [[nodiscard]] bool is_stranger(node_id peer) const;
  [[nodiscard]] bool has_room_for(node_id peer, time_point now);
  void greet();
  bool take_next(node_id from, peer_session& s, time_point now, node_effects& out);
  void take(node_id from, message_body body, time_point now, node_effects& out);
  void distribute(file_turn turn);
  [[nodiscard]] node_id node_of(const break_notification& n) const;
  /// Handles everything that has arrived, and sends what is to be sent. Must be called last by each
  /// input.
  void end(time_point now, node_effects& out);

  node_settings settings;
  view_member self;
  std::size_t slot_count;
  node_stage stage = node_stage::joining;
  node_lease lease;
  std::optional<view> current;
  std::vector<node_id> known_members; ///< While joining: those of the document.
  heard_nodes heard;
  time_point last_asked = time_point::min(); ///< When the newest document was asked for.
  disputes disputed;
  fenced_nodes fences;
  client_requests requests;
  owned_slots owned;
  std::map<node_id, peer_session> sessions;
  std::deque<message_body> to_self;
  time_point next_reading = time_point::min();
  time_point next_greeting = time_point::min();
};

// -- the lease and the engine
// ----------------------------------------------------------------------

bool cluster_node::impl::begin(time_point now, node_effects& out) {
  if (stage == node_stage::stopped)
    return false;
  if (!lease.was_granted() || lease.is_held(now) || LEASEBREAK_MUTANT(lease_not_looked_at))
    return true;
  step_down(step_down_cause::expired, now, out);
  return false;
}

// Clients are disconnected before the lease ends.
void cluster_node::impl::step_down(step_down_cause cause, time_point now, node_effects& out) {
  stage = node_stage::stopped;
  out.emplace_back(stepped_down{cause});
  if (lease.is_held(now))
    out.emplace_back(revoke_lease{});
}

void cluster_node::impl::renew(time_point now, node_effects& out) {
  lease.renewal_sent(now);
  out.emplace_back(renew_lease{now, heard.suspected()});
}

// A node joins when it can talk to all members.
bool cluster_node::impl::may_join(const engine_document& d, time_point now) const {
  return std::all_of(d.current.members.begin(), d.current.members.end(), [&](const auto& m) {
    return !d.living.contains(m.node) ||
      (m.name != self.name && heard.is_heard(m.node, now, settings.peer_timeout));
  });
}

void cluster_node::impl::propose(const engine_document& d, time_point now, node_effects& out) {
  if (!lease.is_held(now))
    return;
  view_change change;
  for (const auto& m : d.current.members) {
    const auto& suspects = heard.suspected();
    const bool is_suspected = LEASEBREAK_MUTANT(takeover_on_suspicion) &&
      std::find(suspects.begin(), suspects.end(), m.node) != suspects.end();
    if (!d.living.contains(m.node) || is_suspected)
      change.gone.push_back(m.node);
  }
  if (LEASEBREAK_MUTANT(the_dead_stay) && stage == node_stage::member)
    change.gone.clear();
  for (const auto n : d.current.unfenced)
    if (fences.all().contains(n))
      change.fenced.push_back(n);
  if (stage == node_stage::joining && may_join(d, now))
    change.joining = self;
  if (auto next = next_view(d.current.slots.empty() ? first_view(slot_count) : d.current, change))
    out.emplace_back(propose_view{*std::move(next)});
}

// -- views
// -----------------------------------------------------------------------------------------

void cluster_node::impl::read(
  const engine_document& d, time_point sent, time_point now, node_effects& out) {
  last_asked = sent;
  const auto& v = d.current;
  const bool is_newer = !current || v.number > current->number;
  const bool has_self = v.find(self.node) != nullptr;
  if (stage == node_stage::member && is_newer && !has_self)
    return step_down(step_down_cause::removed, now, out);
  if (has_self && is_newer && lease.is_held(now))
    install(v, now, out);
  disputed.read(d, sent, now);
  if (stage == node_stage::member && disputed.must_leave(d, self.node))
    return step_down(step_down_cause::suspected, now, out);
  known_members.clear();
  for (const auto& m : v.members)
    if (d.living.contains(m.node) && m.node != self.node)
      known_members.push_back(m.node);
  if (!current || v.number >= current->number)
    propose(d, now, out);
}

void cluster_node::impl::install(const view& v, time_point now, node_effects& out) {
  const auto before = std::exchange(current, v);
  const auto* const old = before ? &*before : nullptr;
  stage = node_stage::member;
  std::erase_if(sessions, [&](const auto& s) { return v.find(s.first) == nullptr; });
  heard.install(v, self.node, now);
  for (const auto n : fences.install(old, v))
    out.emplace_back(fence_node{n});
  const auto released = owned.install(v, out);
  requests.install(old, v, released, now);
  owned.fences_changed(v, fences.all(), out);
  end_fenced(out);
}

void cluster_node::impl::end_fenced(node_effects& out) {
  for (const auto n : fences.take_ended(*current))
    out.emplace_back(std::in_place_type<files_request>, end_node{n});
}

// -- messages
// --------------------------------------------------------------------------------------

void cluster_node::impl::send(node_id to, message_body body) {
  if (to == self.node)
    to_self.push_back(std::move(body));
  else
    session(to).send(current->number, std::move(body));
}

peer_session& cluster_node::impl::session(node_id peer) {
  return sessions.try_emplace(peer, settings.session, self.node, peer).first->second;
}

bool cluster_node::impl::is_stranger(node_id peer) const {
  const auto& known = known_members;
  return (!current || current->find(peer) == nullptr) &&
    std::find(known.begin(), known.end(), peer) == known.end();
}

// Nodes that want to join, or have joined a view that this node does not know yet. Silent ones
// are forgotten first.
bool cluster_node::impl::has_room_for(node_id peer, time_point now) {
  if (sessions.contains(peer) || !is_stranger(peer))
    return true;
  const auto count = [this] {
    return static_cast<std::size_t>(std::count_if(
      sessions.begin(), sessions.end(), [this](const auto& s) { return is_stranger(s.first); }));
  };
  if (count() < settings.strangers_max)
    return true;
  std::erase_if(sessions, [&](const auto& s) {
    return is_stranger(s.first) && !heard.is_heard(s.first, now, settings.peer_timeout);
  });
  heard.forget_silent(now);
  return count() < settings.strangers_max;
}

void cluster_node::impl::greet() {
  if (current) {
    for (const auto& m : current->members)
      if (m.node != self.node)
        session(m.node).greet(true);
    return;
  }
  for (const auto n : known_members)
    session(n).greet(true);
}

// Messages of a later view wait until that is installed. A node that is not a member has failed.
bool cluster_node::impl::take_next(
  node_id from, peer_session& s, time_point now, node_effects& out) {
  const auto* const m = s.front();
  if (m == nullptr || !current ||
    (m->view > current->number && !LEASEBREAK_MUTANT(no_waiting_for_views)))
    return false;
  auto body = s.pop().body;
  if (current->find(from) != nullptr)
    take(from, std::move(body), now, out);
  return true;
}

void cluster_node::impl::take(node_id from, message_body body, time_point now, node_effects& out) {
  if (auto* const r = std::get_if<request>(&body))
    owned.take(from, std::move(*r), out);
  else if (auto* const news = std::get_if<file_news>(&body))
    requests.take(from, std::move(*news), now, out);
  else if (auto* const report = std::get_if<slot_report>(&body); report->from == from)
    owned.take(std::move(*report), out);
}

// The first channel of a member.
node_id cluster_node::impl::node_of(const break_notification& n) const {
  for (const auto& channel : n.channels)
    if (current->find(channel.node) != nullptr)
      return channel.node;
  return node_id::none;
}

void cluster_node::impl::distribute(file_turn turn) {
  std::map<node_id, file_news> all;
  const auto news_for = [&](node_id node) -> file_news& {
    auto& news = all[node];
    news.slot = turn.slot;
    news.term = turn.term;
    news.file_id = turn.file_id;
    news.version = turn.version;
    return news;
  };
  if (turn.origin != node_id::none)
    news_for(turn.origin).done = turn.number;
  for (auto& part : turn.parts) {
    auto& news = news_for(part.node);
    if (part.is_lost)
      news.lost.push_back(part.what.client);
    news.parts.push_back(std::move(part.what));
  }
  for (auto& n : turn.notifications)
    news_for(node_of(n)).notifications.push_back(std::move(n));
  for (auto& e : turn.ended)
    news_for(cluster::node_of(e.open)).ended.push_back(std::move(e));
  for (auto& c : turn.completions)
    news_for(cluster::node_of(c.operation)).completions.push_back(std::move(c));
  for (auto& [node, news] : all)
    if (current->find(node) != nullptr)
      send(node, std::move(news));
}

void cluster_node::impl::end(time_point now, node_effects& out) {
  for (bool goes_on = stage == node_stage::member; goes_on;) {
    goes_on = !to_self.empty();
    if (goes_on) {
      auto body = std::move(to_self.front());
      to_self.pop_front();
      take(self.node, std::move(body), now, out);
      continue;
    }
    for (auto& [peer, s] : sessions)
      goes_on = take_next(peer, s, now, out) || goes_on;
  }
  if (stage != node_stage::stopped)
    for (auto& [peer, s] : sessions)
      if (auto p = s.take_packet(now))
        out.emplace_back(send_packet{*std::move(p)});
}

// -- inputs
// ----------------------------------------------------------------------------------------

cluster_node::cluster_node(const node_settings& settings, view_member self, std::size_t slots)
  : impl_(std::make_unique<impl>(settings, std::move(self), slots)) {}

cluster_node::~cluster_node() = default;

void cluster_node::tick(time_point now, node_effects& out) {
  auto& i = *impl_;
  if (!i.begin(now, out))
    return;
  const bool is_news = i.current && i.heard.look(*i.current, i.self.node, now);
  if (is_news || i.lease.is_renewal_due(now))
    i.renew(now, out);
  if (now >= i.next_reading) {
    i.next_reading = now + i.settings.reading;
    out.emplace_back(read_document{now});
  }
  if (now >= i.next_greeting) {
    i.next_greeting = now + i.settings.greeting;
    i.greet();
  }
  i.end(now, out);
}

void cluster_node::lease_renewed(time_point sent, time_point now, node_effects& out) {
  if (!impl_->begin(now, out))
    return;
  impl_->lease.renewed(sent, now);
  impl_->end(now, out);
}

void cluster_node::lease_refused(time_point now, node_effects& out) {
  if (impl_->begin(now, out))
    impl_->step_down(step_down_cause::refused, now, out);
}

void cluster_node::document_read(
  const engine_document& d, time_point sent, time_point now, node_effects& out) {
  if (!impl_->begin(now, out))
    return;
  if (sent >= impl_->last_asked || LEASEBREAK_MUTANT(late_documents_count))
    impl_->read(d, sent, now, out);
  impl_->end(now, out);
}

void cluster_node::packet_arrived(const packet& p, time_point now, node_effects& out) {
  auto& i = *impl_;
  if (!i.begin(now, out) || p.to != i.self.node || p.from == i.self.node)
    return;
  if (!i.has_room_for(p.from, now))
    return;
  i.heard.heard(p.from, now);
  i.session(p.from).receive(p);
  i.end(now, out);
}

void cluster_node::node_fenced(node_id node, time_point now, node_effects& out) {
  auto& i = *impl_;
  if (!i.begin(now, out) || !i.current)
    return;
  i.fences.fenced(node);
  i.owned.fences_changed(*i.current, i.fences.all(), out);
  i.end_fenced(out);
  i.end(now, out);
}

void cluster_node::files_did(files_result what, time_point now, node_effects& out) {
  auto& i = *impl_;
  if (!i.begin(now, out) || !i.current)
    return;
  if (auto* const turn = std::get_if<file_turn>(&what)) {
    if (i.owned.take(*turn))
      i.distribute(std::move(*turn));
  } else if (const auto* const opened = std::get_if<slot_opened>(&what)) {
    // A node may have reported, failed and been fenced before the slot was opened.
    for (const auto node : i.owned.take(*opened, out))
      if (i.fences.is_over(*i.current, node))
        out.emplace_back(std::in_place_type<files_request>, end_node{node});
    if (i.owned.serves(opened->slot))
      i.requests.opened(opened->slot);
  } else {
    i.requests.take(std::get<slot_released>(what), now);
  }
  i.end(now, out);
}

errc cluster_node::submit(
  const std::string& file_id, command what, time_point now, node_effects& out, break_id about) {
  auto& i = *impl_;
  if (!i.begin(now, out))
    return errc::shutting_down;
  if (!i.current)
    return errc::not_started;
  if (i.requests.pending() >= i.settings.requests_max)
    return errc::too_many_waiting;
  i.requests.submit(file_id, std::move(what), about);
  i.end(now, out);
  return errc::success;
}

void cluster_node::abandon(operation_id operation, time_point now, node_effects& out) {
  if (!impl_->begin(now, out) || !impl_->current)
    return;
  impl_->requests.abandon(operation);
  impl_->end(now, out);
}

void cluster_node::leave(time_point now, node_effects& out) {
  if (impl_->begin(now, out))
    impl_->step_down(step_down_cause::left, now, out);
}

operation_id cluster_node::new_operation() {
  return impl_->requests.new_operation();
}

// -- queries
// ---------------------------------------------------------------------------------------

node_stage cluster_node::stage() const noexcept {
  return impl_->stage;
}

const view* cluster_node::current_view() const noexcept {
  return impl_->current ? &*impl_->current : nullptr;
}

bool cluster_node::serves(slot_number slot) const {
  return impl_->stage == node_stage::member && impl_->owned.serves(slot);
}

bool cluster_node::is_unheard(time_point now) const {
  const auto& i = *impl_;
  return i.current && std::any_of(i.sessions.begin(), i.sessions.end(), [&](const auto& s) {
    const auto since = s.second.oldest_since();
    return since && now - *since > 2 * i.settings.session.repetition &&
      i.current->find(s.first) != nullptr;
  });
}

const std::vector<node_id>& cluster_node::suspected() const noexcept {
  return impl_->heard.suspected();
}

std::size_t cluster_node::pending() const noexcept {
  return impl_->requests.pending();
}

std::size_t cluster_node::mirrored() const noexcept {
  return impl_->requests.mirrored();
}

std::string_view to_string(step_down_cause cause) noexcept {
  switch (cause) {
  case step_down_cause::expired:
    return "its lease has expired";
  case step_down_cause::refused:
    return "the engine refused its lease";
  case step_down_cause::removed:
    return "it was removed from the view";
  case step_down_cause::suspected:
    return "other nodes do not hear it";
  case step_down_cause::left:
    return "it was asked to leave";
  }
  return "unknown";
}

std::string_view to_string(node_stage stage) noexcept {
  switch (stage) {
  case node_stage::joining:
    return "joining";
  case node_stage::member:
    return "member";
  case node_stage::stopped:
    return "stopped";
  }
  return "unknown";
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
