// The world of file_fixture.hpp, and its checks after each step.
#include "file_fixture.hpp"

#include <algorithm>
#include <sstream>
#include <type_traits>

namespace leasebreak::model_test {
namespace {

std::string short_name(const client_guid& guid) {
  if (guid == alice.guid)
    return "alice";
  if (guid == bob.guid)
    return "bob";
  if (guid == carol.guid)
    return "carol";
  return guid.is_zero() ? "no client" : "client " + to_string(guid);
}

std::string short_name(const lease_key& key) {
  return key.is_zero() ? "no key" : "k" + std::to_string(int{key.bytes[0]});
}

template <class Enum>
std::uint64_t number(Enum value) {
  return static_cast<std::uint64_t>(value);
}

/// Returns the operation that a command of its own completes.
operation_id operation_of(const command& c) {
  return std::visit(
    [](const auto& what) {
      if constexpr (requires { what.operation; })
        return what.operation;
      else
        return operation_id::none;
    },
    c);
}

bool is_caching(const listed_entry& e) {
  return (e.kind == entry_kind::lease || e.kind == entry_kind::oplock) && e.lease.has_value();
}

} // namespace

// -- openings -------------------------------------------------------------------------------------

opening::opening(const client& who) {
  request.client = who.guid;
  request.connection = who.connection;
  request.session = who.session;
  request.tree = who.tree;
  request.share = "share";
  request.access = access::all;
  request.share_access = share::all;
}

opening& opening::lease(const lease_key& key, lease_state state, std::uint16_t epoch) {
  request.lease = lease_request{key, state, 2, epoch, std::nullopt};
  return *this;
}

opening& opening::lease_v1(const lease_key& key, lease_state state) {
  request.lease = lease_request{key, state, 1, 0, std::nullopt};
  return *this;
}

opening& opening::parent(const lease_key& key) {
  request.lease->parent_key = key;
  return *this;
}

opening& opening::oplock(oplock_level level) {
  request.oplock = level;
  return *this;
}

opening& opening::access(std::uint32_t mask) {
  request.access = mask;
  return *this;
}

opening& opening::shares(std::uint32_t mask) {
  request.share_access = mask;
  return *this;
}

opening& opening::overwriting() {
  request.overwrites = true;
  return *this;
}

opening& opening::creating() {
  request.created = true;
  return *this;
}

opening& opening::directory() {
  request.is_directory = true;
  return *this;
}

opening& opening::of_stream(std::uint32_t shares, const std::string& id) {
  request.of_stream = true;
  request.stream = id;
  request.access = leasebreak::access::read_attributes;
  request.share_access = shares;
  return *this;
}

opening& opening::deleting_on_close() {
  request.delete_on_close = true;
  return *this;
}

opening& opening::reclaiming() {
  request.reclaim = true;
  return *this;
}

opening& opening::durable(duration timeout, const create_guid& guid) {
  request.durable = durable_request{timeout, false, guid};
  return *this;
}

opening& opening::persistent(duration timeout, const create_guid& guid) {
  request.durable = durable_request{timeout, true, guid};
  return *this;
}

opening& opening::instance(const app_instance_id& id, std::optional<app_instance_version> version) {
  request.instance = app_instance{id, version};
  return *this;
}

opening& opening::elsewhere(open_id other) {
  request.elsewhere.push_back(other);
  return *this;
}

opening& opening::share(const std::string& name) {
  request.share = name;
  return *this;
}

opening& opening::at_most(lease_state state) {
  request.caching_max = state;
  return *this;
}

opening& opening::allocated(std::uint64_t size) {
  request.allocation_size = size;
  return *this;
}

opening& opening::answered_later() {
  request.answer_follows = true;
  return *this;
}

opening by(const client& who) {
  return opening(who);
}

// -- descriptions ---------------------------------------------------------------------------------

std::string describe(const listed_entry& e) {
  std::ostringstream out;
  out << to_string(e.kind) << " of " << short_name(e.client) << " open " << number(e.open);
  if (e.kind == entry_kind::open)
    out << " access " << std::hex << e.access << std::dec << " share " << e.share_access
        << (e.delete_on_close ? " delete-on-close" : "") << (e.delete_pending ? " pending" : "")
        << (e.persistent   ? " persistent"
               : e.durable ? " durable"
                           : "")
        << (e.resilient ? " resilient" : "");
  if (e.lease) {
    const auto& l = *e.lease;
    out << " " << short_name(l.key) << " " << l.state << " epoch " << l.epoch << " v"
        << int{l.version};
    if (l.breaking)
      out << " breaking to " << l.break_to << ", must reach " << l.required;
    if (l.timed_out)
      out << " timed out";
  }
  if (e.kind == entry_kind::byte_range_lock)
    out << " " << e.range.offset << "+" << e.range.length << (e.exclusive ? " exclusive" : "");
  if (!e.waits_for.empty() || !e.reason.empty())
    out << " waits for [" << e.waits_for << "] because [" << e.reason << "]";
  return out.str();
}

std::string describe(const break_notification& n) {
  std::ostringstream out;
  out << "break " << number(n.id) << " of " << short_name(n.client) << " "
      << (n.is_oplock ? "oplock of open " + std::to_string(number(n.open)) : short_name(n.key))
      << " " << n.from << " to " << n.to << " epoch " << n.epoch
      << (n.ack_required ? " to be acknowledged" : "") << " because of " << to_string(n.cause);
  return out.str();
}

namespace {

struct describer {
  std::ostringstream out;

  void operator()(const open_file& c) {
    out << "open " << number(c.open) << " by " << short_name(c.client) << "@"
        << number(c.connection) << " access " << std::hex << c.access << std::dec << " share "
        << c.share_access << (c.overwrites ? " overwriting" : "") << (c.created ? " creating" : "")
        << (c.is_directory ? " directory" : "") << (c.delete_on_close ? " delete-on-close" : "")
        << (c.of_stream ? " for stream " + c.stream : "");
    if (c.lease)
      out << " lease " << short_name(c.lease->key) << " " << int{bits(c.lease->state)} << " v"
          << int{c.lease->version} << " epoch " << c.lease->epoch;
    else
      out << " oplock " << to_string(c.oplock);
    if (c.instance)
      out << " of application " << int{c.instance->id.bytes[0]};
    if (c.instance && c.instance->version)
      out << " version " << c.instance->version->high << "." << c.instance->version->low;
  }
  void operator()(const close_open& c) {
    out << (c.keep_if_durable ? "drop " : "close ") << number(c.open);
  }
  void operator()(const reconnect_open& c) {
    out << "reconnect " << number(c.open) << " by " << short_name(c.client);
  }
  void operator()(const replay_open& c) {
    out << "replay " << number(c.open) << " by " << short_name(c.client);
    if (c.lease)
      out << " with " << short_name(c.lease->key);
    else
      out << " with " << to_string(c.oplock);
  }
  void operator()(const answer_sent& c) {
    out << "answer " << c.answer << " of " << number(c.open) << " sent";
  }
  void operator()(const lock_ranges& c) {
    out << "lock through " << number(c.open);
    for (const auto& e : c.elements)
      out << " " << e.range.offset << "+" << e.range.length << (e.exclusive ? " exclusive" : "");
    out << (c.fail_immediately ? "" : " waiting");
  }
  void operator()(const unlock_ranges& c) {
    out << "unlock through " << number(c.open);
    for (const auto& range : c.ranges)
      out << " " << range.offset << "+" << range.length;
  }
  void operator()(const cancel_operation& c) { out << "cancel " << number(c.target); }
  void operator()(const acknowledge_lease& c) {
    out << "acknowledge " << short_name(c.key) << " by " << short_name(c.client) << " "
        << int{bits(c.state)};
  }
  void operator()(const acknowledge_oplock& c) {
    out << "acknowledge oplock of " << number(c.open) << " by " << short_name(c.client) << " "
        << to_string(c.level);
  }
  void operator()(const access_file& c) {
    out << to_string(c.kind) << " by " << short_name(c.client) << " through " << number(c.open);
    if (c.parent_key)
      out << " parent " << short_name(*c.parent_key);
  }
  void operator()(const end_hold& c) { out << "end hold " << number(c.hold); }
  void operator()(const break_undeliverable& c) { out << "undeliverable " << number(c.id); }
  void operator()(const node_gone& c) { out << "node " << number(c.node) << " has failed"; }
  void operator()(const client_gone& c) {
    out << short_name(c.client) << " gone";
    if (c.connection)
      out << " on " << number(*c.connection);
    for (const auto& heir : c.heirs)
      out << ", " << number(heir.session) << " goes on on " << number(heir.connection);
    if (c.session != session_id::none)
      out << " from session " << number(c.session);
    if (c.tree != tree_id::none)
      out << " tree " << number(c.tree);
  }
  void operator()(const force_break& c) {
    out << "force";
    if (c.client)
      out << " " << short_name(*c.client);
    if (c.key)
      out << " " << short_name(*c.key);
    out << " keep " << c.keep << (c.ends_running ? ", ends running ones" : "");
  }
  void operator()(const load_record& c) { out << "load " << c.record.id; }
  void operator()(const reclaim_lock& c) {
    out << "reclaim lock " << c.record_id << " for " << number(c.open);
  }
  void operator()(const set_server_state& c) {
    out << "set state of " << number(c.open) << " " << c.server_state;
  }
  void operator()(const make_resilient& c) {
    out << "make " << number(c.open) << " resilient for " << c.timeout.count() << " ns";
  }
  void operator()(const check_range& c) {
    out << (c.is_write ? "may write " : "may read ") << c.range.offset << "+" << c.range.length
        << " through " << number(c.open);
  }
  void operator()(const grace_ended&) { out << "grace ended"; }
  void operator()(const deadline_reached&) { out << "deadline reached"; }
  void operator()(const stop_waiting&) { out << "stop waiting"; }
  void operator()(const leasebreak::stream_opened& c) {
    out << "stream of " << number(c.stand_in) << " opened";
  }
  void operator()(const leasebreak::stream_closed& c) {
    out << "stream of " << number(c.stand_in) << " closed";
  }
  void operator()(const leasebreak::streams_answered& c) {
    out << "streams answered operation " << number(c.target) << " round " << c.round << ": "
        << to_string(c.error);
  }
};

} // namespace

std::string describe(const command& what) {
  describer d;
  std::visit([&](const auto& c) { d(c); }, what);
  return d.out.str();
}

// -- commands -------------------------------------------------------------------------------------

world::world(const file_policy& p) : policy(p), file(policy, "file") {}

world::~world() {
  finish();
}

void world::fail(where_t where, const std::string& what) {
  if (!is_quiet) {
    std::string all = what;
    for (const auto& line : description())
      all += "\n  " + line;
    ADD_FAILURE_AT(where.file, where.line) << all;
  }
  problems_.push_back(what);
}

attempt world::start(open_id open) {
  const operation_id id{++last_operation_};
  operations_[id] = std::nullopt;
  return {id, open};
}

attempt world::open(const opening& how, where_t where) {
  const attempt a = start(open_id{++last_open_});
  open_file request = how.request;
  request.operation = a.operation;
  request.open = a.open;
  apply(request, where);
  return a;
}

attempt world::close(const attempt& open, where_t where) {
  const attempt a = start(open.open);
  apply(close_open{{open.open}, a.operation}, where);
  return a;
}

attempt world::lock(
  const attempt& open, std::vector<lock_element> elements, bool fail_immediately, where_t where) {
  const attempt a = start(open.open);
  apply(lock_ranges{{open.open, std::move(elements), fail_immediately}, a.operation}, where);
  return a;
}

attempt world::lock(const attempt& open, byte_range range, bool exclusive, where_t where) {
  return lock(open, {lock_element{range, exclusive}}, true, where);
}

attempt world::lock_of_allocated(std::uint64_t size, const attempt& open, byte_range range,
  bool exclusive, bool fail_immediately, where_t where) {
  const attempt a = start(open.open);
  apply(
    lock_ranges{{open.open, {{range, exclusive}}, fail_immediately, {}, size}, a.operation}, where);
  return a;
}

attempt world::blocking_lock(const attempt& open, byte_range range, bool exclusive, where_t where) {
  return lock(open, {lock_element{range, exclusive}}, false, where);
}

attempt world::lock(const attempt& open, byte_range range, const lock_sequence& sequence,
  bool fail_immediately, where_t where) {
  const attempt a = start(open.open);
  apply(lock_ranges{{open.open, {{range, true}}, fail_immediately, sequence}, a.operation}, where);
  return a;
}

attempt world::unlock(
  const attempt& open, byte_range range, const lock_sequence& sequence, where_t where) {
  const attempt a = start(open.open);
  apply(unlock_ranges{{open.open, {range}, sequence}, a.operation}, where);
  return a;
}

attempt world::unlock(const attempt& open, std::vector<byte_range> ranges, where_t where) {
  const attempt a = start(open.open);
  apply(unlock_ranges{{open.open, std::move(ranges)}, a.operation}, where);
  return a;
}

attempt world::acknowledge(
  const client& who, const lease_key& key, lease_state state, where_t where) {
  const attempt a = start();
  apply(acknowledge_lease{{who.guid, key, state}, a.operation}, where);
  return a;
}

attempt world::acknowledge_oplock(
  const client& who, const attempt& open, oplock_level level, where_t where) {
  const attempt a = start(open.open);
  apply(leasebreak::acknowledge_oplock{{who.guid, open.open, level}, a.operation}, where);
  return a;
}

attempt world::access(const client& who, access_kind kind, const attempt& open, where_t where) {
  const attempt a = start(open.open);
  access_file request;
  request.operation = a.operation;
  request.kind = kind;
  request.open = open.open;
  request.client = who.guid;
  apply(request, where);
  return a;
}

attempt world::access(
  const client& who, access_kind kind, std::optional<lease_key> parent_key, where_t where) {
  const attempt a = start();
  access_file request;
  request.operation = a.operation;
  request.kind = kind;
  request.client = who.guid;
  request.parent_key = parent_key;
  apply(request, where);
  return a;
}

attempt world::change_answered_later(
  const client& who, std::optional<lease_key> parent_key, where_t where) {
  const attempt a = start();
  access_file request;
  request.operation = a.operation;
  request.kind = access_kind::change_children;
  request.client = who.guid;
  request.parent_key = parent_key;
  request.answer_follows = true;
  apply(request, where);
  return a;
}

attempt world::close_keeping(const attempt& open, where_t where) {
  const attempt a = start(open.open);
  apply(close_open{{open.open, false, true}, a.operation}, where);
  return a;
}

attempt world::drop(const attempt& open, where_t where) {
  const attempt a = start();
  apply(close_open{{open.open, true}, a.operation}, where);
  return a;
}

attempt world::reconnect(const client& who, const attempt& open, std::optional<lease_key> key,
  std::optional<create_guid> guid, where_t where) {
  const attempt a = start();
  apply(reconnect_open{{open.open, who.guid, who.connection, key, guid, who.session, who.tree},
          a.operation, reconnects_are_answered_later},
    where);
  return a;
}

attempt world::replay(const attempt& open, const opening& again, where_t where) {
  const attempt a = start();
  const auto& request = again.request;
  apply(replay_open{{open.open, request.client, request.lease, request.oplock, request.connection},
          a.operation, request.answer_follows},
    where);
  return a;
}

attempt world::disconnect(const client& who, where_t where) {
  const attempt a = start();
  apply(client_gone{a.operation, who.guid, std::nullopt}, where);
  return a;
}

attempt world::disconnect_connection(const client& who, where_t where) {
  const attempt a = start();
  apply(client_gone{a.operation, who.guid, who.connection}, where);
  return a;
}

attempt world::disconnect_connection(
  const client& who, const std::vector<channel_id>& heirs, where_t where) {
  const attempt a = start();
  apply(client_gone{a.operation, who.guid, who.connection, heirs}, where);
  return a;
}

attempt world::end_session(const client& who, where_t where) {
  const attempt a = start();
  apply(client_gone{a.operation, who.guid, {}, {}, who.session}, where);
  return a;
}

attempt world::end_tree(const client& who, where_t where) {
  const attempt a = start();
  apply(client_gone{a.operation, who.guid, {}, {}, who.session, who.tree}, where);
  return a;
}

attempt world::access_on(const client& who, access_kind kind, const attempt& open, where_t where) {
  const attempt a = start();
  access_file request;
  request.operation = a.operation;
  request.kind = kind;
  request.open = open.open;
  request.client = who.guid;
  request.connection = who.connection;
  request.session = who.session;
  request.tree = who.tree;
  apply(request, where);
  return a;
}

attempt world::lock_on(const client& who, const attempt& open, byte_range range, where_t where) {
  const attempt a = start();
  lock_ranges request{{open.open, {{range, true}}, false}, a.operation};
  request.connection = who.connection;
  apply(request, where);
  return a;
}

attempt world::disconnect_from(const client& who, node_id node, where_t where) {
  const attempt a = start();
  apply(client_gone{a.operation, who.guid, {}, {}, {}, {}, node}, where);
  return a;
}

attempt world::fail_node(node_id node, where_t where) {
  const attempt a = start();
  apply(node_gone{a.operation, node}, where);
  return a;
}

attempt world::force(const force_break& how, where_t where) {
  const attempt a = start();
  force_break request = how;
  request.operation = a.operation;
  apply(request, where);
  return a;
}

attempt world::resilient(const attempt& open, duration timeout, where_t where) {
  const attempt a = start(open.open);
  apply(make_resilient{{open.open, timeout}, a.operation}, where);
  return a;
}

attempt world::reclaim(
  const attempt& open, const std::string& record, byte_range range, bool exclusive, where_t where) {
  const attempt a = start(open.open);
  apply(reclaim_lock{{open.open, record, lock_element{range, exclusive}}, a.operation}, where);
  return a;
}

attempt world::set_state(const attempt& open, const std::string& state, where_t where) {
  const attempt a = start(open.open);
  apply(set_server_state{{open.open, state}, a.operation}, where);
  return a;
}

void world::answer(const attempt& granted, where_t where) {
  const auto change = result_of<access_granted>(granted).answer;
  if (change != 0)
    apply(answer_sent{open_id::none, change}, where);
  else
    answer(result_of<open_granted>(granted), where);
}

void world::answer(const open_granted& granted, where_t where) {
  if (granted.answer == 0)
    fail(where, "no answer is expected");
  apply(answer_sent{granted.open, granted.answer}, where);
}

void world::stream_opened(const attempt& stand_in, where_t where) {
  apply(leasebreak::stream_opened{stand_in.open}, where);
}

void world::stream_closed(const attempt& stand_in, where_t where) {
  apply(leasebreak::stream_closed{stand_in.open}, where);
}

void world::streams_answered(const streams_asked& asked, errc error, where_t where) {
  apply(leasebreak::streams_answered{asked.operation, asked.round, error}, where);
}

void world::cancel(const attempt& waiting, where_t where) {
  apply(cancel_operation{waiting.operation}, where);
}

void world::end(hold_id hold, where_t where) {
  data_holds_.erase(hold);
  holds_.erase(hold);
  apply(end_hold{hold}, where);
}

void world::undeliverable(break_id id, std::uint32_t offer, where_t where) {
  apply(break_undeliverable{id, offer}, where);
}

void world::take_recovered(
  const persisted_lock& record, const open_recovered& back, where_t where) {
  const bool is_known = opens_.contains(back.open) && !closed_.contains(back.open);
  if (record.is_open() ? is_known || back.locks != 0 : !is_known || back.locks != 1)
    fail(where, "an open or lock came back that did not: " + std::to_string(number(back.open)));
  if (!record.is_open())
    return;
  open_file request;
  request.open = back.open;
  request.client = client_guid{*from_hex(record.client_id)};
  request.access = record.open->access;
  request.share_access = record.open->share_access;
  if (!record.open->lease_key.empty()) {
    request.lease.emplace();
    std::ranges::copy(record.open->lease_key, request.lease->key.bytes.begin());
  }
  opens_[back.open] = request;
}

void world::load(const persisted_lock& record, where_t where) {
  store_[record.id] = record;
  apply(load_record{record}, where);
}

void world::end_grace(where_t where) {
  apply(grace_ended{}, where);
}

void world::pass(duration time, where_t where) {
  const time_point until = now_ + time;
  // A faulty file may return the same deadline again and again.
  for (int rounds = 0; rounds < 10'000; ++rounds) {
    const auto next = file.next_deadline();
    if (!next || *next > until) {
      now_ = until;
      return;
    }
    now_ = std::max(now_, *next);
    apply(deadline_reached{}, where);
  }
  fail(where, "the deadlines never end");
  now_ = until;
}

void world::write_data(const client& who, const attempt& open, where_t where) {
  const attempt a = access(who, access_kind::write, open, where);
  expect_done(a, where);
  const auto hold = result_of<access_granted>(a).hold;
  if (keeps_holds && hold != hold_id::none)
    end(hold, where);
}

void world::load_all(const std::map<std::string, persisted_lock>& records, where_t where) {
  const auto load_if = [&](auto is_it) {
    for (const auto& [id, record] : records)
      if (is_it(record))
        load(record, where);
  };
  load_if([](const auto& r) { return r.is_lease(); });
  load_if([](const auto& r) { return r.is_open(); });
  load_if([](const auto& r) { return !r.is_lease() && !r.is_open(); });
}

void world::continue_after(const world& before) {
  now_ = before.now_;
  last_open_ = before.last_open_;
}

// -- a step ---------------------------------------------------------------------------------------

void world::apply(const command& what, where_t where) {
  if (is_strict_about_breaks) {
    for (const auto& n : notifications_)
      fail(where, "an earlier step did not expect the " + describe(n));
  }
  notifications_.clear();
  if (std::holds_alternative<stop_waiting>(what))
    is_stopped_ = true;
  const auto before = description();
  effects out = execute(what, where);
  check_nothing_changed(what, out, before, where);
  commands_[operation_of(what)] = what;
  take(what, std::move(out), where);
  while (!keeps_holds && !holds_to_end_.empty()) {
    const hold_id hold = holds_to_end_.back();
    holds_to_end_.pop_back();
    data_holds_.erase(hold);
    holds_.erase(hold);
    const command ending = end_hold{hold};
    take(ending, execute(ending, where), where);
  }
  holds_to_end_.clear();
}

command world::through_node(command what) const {
  const auto client_of = [this](open_id id) {
    const auto found = opens_.find(id);
    return found != opens_.end() ? found->second.client : client_guid{};
  };
  std::visit(
    [&](auto& c) {
      if constexpr (requires { c.node = nodes(client_of(c.open)); })
        c.node = nodes(client_of(c.open));
      if constexpr (requires { c.node = nodes(c.client); })
        if (!c.client.is_zero())
          c.node = nodes(c.client);
    },
    what);
  return what;
}

effects world::execute(const command& asked, where_t where) {
  const command what = nodes ? through_node(asked) : asked;
  if (copies)
    copies->before(file, policy, now_);
  effects out = file.apply(what, now_);
  if (const auto problem = copies ? copies->after(what, file, out, now_) : ""; !problem.empty())
    fail(where, problem);
  return out;
}

void world::take(const command& what, effects&& out, where_t where) {
  if (observer)
    observer(what, out);
  check_purged(what, out, where);
  for (const auto& back : out.recovered)
    take_recovered(std::get<load_record>(what).record, back, where);
  std::ranges::move(out.notifications, std::back_inserter(notifications_));
  std::ranges::move(out.facts, std::back_inserter(facts_));
  std::ranges::move(out.asked, std::back_inserter(asked_));
  for (const auto& ended : out.ended) {
    if (!opens_.contains(ended.open))
      fail(where, "an open ended that was never granted: " + std::to_string(number(ended.open)));
    if (!closed_.insert(ended.open).second)
      fail(where, "an open ended twice: " + std::to_string(number(ended.open)));
    ended_.push_back(ended);
    if (ended.hold != hold_id::none) {
      holds_.insert(ended.hold);
      holds_to_end_.push_back(ended.hold);
    }
  }
  for (const auto& reported : out.records) {
    const auto change = stored_change(reported).to_record();
    if (!policy.keep_records)
      fail(where, "a record although none are kept: " + change.id);
    if (change.put)
      store_[change.id] = *change.put;
    else
      store_.erase(change.id);
  }
  for (const auto& c : out.completions)
    take_completion(c, where);
  check(where);
}

void world::take_completion(const completion& c, where_t where) {
  const auto it = operations_.find(c.operation);
  if (it == operations_.end()) {
    fail(where, "an operation completed that was never started");
    return;
  }
  if (it->second) {
    fail(where, "an operation completed twice: " + describe(commands_[c.operation]));
    return;
  }
  it->second = c;
  if (c.error != errc::success)
    return;
  if (const auto* granted = std::get_if<open_granted>(&c.result)) {
    // A reconnect returns what an open was granted.
    if (const auto* asked = std::get_if<open_file>(&commands_[c.operation]))
      opens_[granted->open] = *asked;
    note_hold(granted->hold, c);
  } else if (const auto* closed = std::get_if<open_closed>(&c.result)) {
    note_hold(closed->hold, c);
  } else if (const auto* allowed = std::get_if<access_granted>(&c.result)) {
    note_hold(allowed->hold, c);
  } else if (const auto* removed = std::get_if<client_removed>(&c.result)) {
    note_hold(removed->hold, c);
  }
}

void world::note_hold(hold_id hold, const completion& c) {
  if (hold == hold_id::none)
    return;
  holds_.insert(hold);
  holds_to_end_.push_back(hold);
  const command& cause = commands_[c.operation];
  if (const auto* open = std::get_if<open_file>(&cause); open != nullptr && open->overwrites)
    data_holds_[hold] = open->open;
  if (const auto* access = std::get_if<access_file>(&cause);
      access != nullptr && access->kind == access_kind::write)
    data_holds_[hold] = access->open;
}

// -- general rules -------------------------------------------------------------------------------

std::vector<std::string> world::description() const {
  std::vector<std::string> lines;
  for (const auto& e : file.list({}))
    lines.push_back(describe(e));
  return lines;
}

void world::check_nothing_changed(
  const command& what, const effects& out, const std::vector<std::string>& before, where_t where) {
  const bool is_partial = std::holds_alternative<unlock_ranges>(what);
  const bool is_time = std::holds_alternative<deadline_reached>(what);
  // MS-SMB2 3.3.5.22.1: an acknowledgement with a wrong level ends the break.
  const auto* ack = std::get_if<leasebreak::acknowledge_oplock>(&what);
  const bool ends_break =
    ack != nullptr && ack->level != oplock_level::none && ack->level != oplock_level::level_ii;
  if (is_partial || is_time || ends_break)
    return;
  const operation_id own = operation_of(what);
  for (const auto& c : out.completions) {
    if (own == operation_id::none || c.operation != own || c.error == errc::success)
      continue;
    // It has begun to wait, which releases what its application has left behind.
    if (const auto* refused = std::get_if<open_refused>(&c.result); refused && refused->waited)
      continue;
    if (!out.notifications.empty() || !out.records.empty() || !out.ended.empty() ||
      !out.asked.empty() || out.completions.size() != 1 || description() != before)
      fail(where, "an error changed something: " + to_string(c.error) + " of " + describe(what));
  }
}

// A disconnected open may only be purged by an operation that proceeds, not by one that fails or
// waits. Other reasons are a forced break, the loss of Handle, and a pending deletion of the file.
void world::check_purged(const command& what, const effects& out, where_t where) {
  const auto is_purged = [](const open_ended& e) { return e.cause == end_cause::purged; };
  const bool has_let_in = std::ranges::any_of(out.completions, [this](const completion& c) {
    const auto& cause = commands_[c.operation];
    return c.error == errc::success &&
      (std::holds_alternative<open_file>(cause) || std::holds_alternative<lock_ranges>(cause) ||
        std::holds_alternative<access_file>(cause));
  });
  const bool has_lost_handle = std::ranges::any_of(out.facts, [](const fact& f) {
    const auto* const ended = std::get_if<break_ended>(&f);
    return ended != nullptr && !intersects(ended->left, handle);
  });
  const auto* const ack = std::get_if<acknowledge_lease>(&what); // perhaps of a first stage
  const bool has_given_handle_up = ack != nullptr && !intersects(ack->state, handle);
  const bool is_deletion = std::ranges::any_of(out.ended, [this](const open_ended& e) {
    const auto asked = opens_.find(e.open);
    return asked == opens_.end() || asked->second.delete_on_close; // or opened before a restart
  });
  // It breaks what is granted while it waits, too.
  const bool is_forced = std::ranges::any_of(operations_, [this](const auto& operation) {
    const auto asked = commands_.find(operation.first);
    return !operation.second && asked != commands_.end() &&
      std::holds_alternative<force_break>(asked->second);
  });
  const bool is_explained = has_let_in || is_forced || has_lost_handle || has_given_handle_up ||
    is_deletion || std::holds_alternative<force_break>(what) ||
    std::holds_alternative<client_gone>(what) || std::holds_alternative<node_gone>(what) ||
    std::holds_alternative<close_open>(what);
  if (!is_explained && std::ranges::any_of(out.ended, is_purged))
    fail(where, "an open was purged without a conflict at: " + describe(what));
}

void world::check(where_t where) {
  const std::string broken = file.check_invariants();
  if (!broken.empty())
    fail(where, "invariant: " + broken);
  const auto entries = file.list({});
  check_coherence(entries, where);
  check_holds(entries, where);
  check_streams(entries, where);
  if (policy.keep_records)
    check_store(entries, where);

  std::size_t listed_opens = 0;
  std::size_t listed_waiting = 0;
  bool has_breaks = false;
  for (const auto& e : entries) {
    listed_opens += e.kind == entry_kind::open ? 1U : 0U;
    listed_waiting += e.kind == entry_kind::waiting ? 1U : 0U;
    has_breaks = has_breaks || (is_caching(e) && e.lease->breaking);
  }
  const auto live = live_opens();
  for (const auto open : live)
    if (!file.has_open(open))
      fail(where, "the file does not know open " + std::to_string(number(open)));
  if (listed_opens != live.size())
    fail(where, "the listing does not have each open once");
  std::size_t waiting = 0;
  std::size_t bounded = 0;
  for (const auto& [id, done] : operations_) {
    const auto it = commands_.find(id);
    if (it == commands_.end() || done)
      continue;
    ++waiting;
    // A byte-range lock waits without limit.
    bounded += std::holds_alternative<lock_ranges>(it->second) ? 0U : 1U;
  }
  if (file.waiting() != waiting || listed_waiting != waiting)
    fail(where,
      "the file counts " + std::to_string(file.waiting()) + " and lists " +
        std::to_string(listed_waiting) + " waiting operations, but " + std::to_string(waiting) +
        " wait");
  if ((bounded != 0 || has_breaks) && !file.next_deadline())
    fail(where, "something waits or breaks, and there is no deadline");
  if (file.empty() && (!live.empty() || waiting != 0 || !holds_.empty()))
    fail(where, "the file says that it is empty, and is not");
}

// No client may cache data that another client may be changing in its cache.
void world::check_coherence(const std::vector<listed_entry>& entries, where_t where) {
  for (const auto& writer : entries) {
    if (!is_caching(writer) || !intersects(writer.lease->state, lease_state::write))
      continue;
    for (const auto& other : entries) {
      if (&other != &writer && is_caching(other) && other.lease->state != none)
        fail(where, "[" + describe(writer) + "] and [" + describe(other) + "] at once");
      if (other.kind != entry_kind::open || is_stat_access_for_leases(other.access))
        continue;
      const auto& own = opens_.at(other.open);
      const bool same = writer.kind == entry_kind::oplock
        ? writer.open == other.open
        : own.lease && own.lease->key == writer.lease->key && own.client == writer.client;
      if (!same)
        fail(where, "[" + describe(writer) + "] although there is [" + describe(other) + "]");
    }
  }
}

// During and after a change of the data, no other client may cache the old data.
void world::check_holds(const std::vector<listed_entry>& entries, where_t where) {
  for (const auto& [hold, open] : data_holds_) {
    for (const auto& e : entries) {
      if (!is_caching(e) || !intersects(e.lease->effective_state(), lease_state::read))
        continue;
      const auto actor = opens_.find(open);
      const bool own = actor != opens_.end() &&
        (e.kind == entry_kind::oplock ? e.open == open
                                      : actor->second.lease && actor->second.client == e.client &&
              actor->second.lease->key == e.lease->key);
      if (!own)
        fail(where,
          "[" + describe(e) + "] while open " + std::to_string(number(open)) + " changes the data");
    }
  }
}

// A stream that does not share deletion excludes an open with delete access.
void world::check_streams(const std::vector<listed_entry>& entries, where_t where) {
  for (const auto& stream : entries) {
    if (stream.kind != entry_kind::open || !opens_.at(stream.open).of_stream ||
      (stream.share_access & share::delete_file) != 0)
      continue;
    for (const auto& other : entries)
      if (other.kind == entry_kind::open && (other.access & leasebreak::access::delete_file) != 0)
        fail(where, "[" + describe(other) + "] beside the stream [" + describe(stream) + "]");
  }
}

void world::check_stored_opens(const std::vector<listed_entry>& entries, where_t where) {
  std::size_t persistent = 0;
  for (const auto& e : entries) {
    if (e.kind != entry_kind::open || !e.persistent)
      continue;
    ++persistent;
    const bool found = std::ranges::any_of(store_, [&](const auto& item) {
      const auto& record = item.second;
      return record.is_open() && record.open->id == number(e.open) &&
        record.client_id == to_string(e.client) && record.owner_id == e.owner_id &&
        record.open->access == e.access && record.open->share_access == e.share_access &&
        record.open->delete_on_close == e.delete_on_close &&
        record.open->delete_pending == e.delete_pending && !validate(record);
    });
    if (!found)
      fail(where, "no record of [" + describe(e) + "]");
  }
  const auto stored =
    std::ranges::count_if(store_, [](const auto& item) { return item.second.is_open(); });
  if (static_cast<std::size_t>(stored) != persistent)
    fail(where,
      std::to_string(stored) + " records of opens, but " + std::to_string(persistent) +
        " are persistent");
}

void world::check_store(const std::vector<listed_entry>& entries, where_t where) {
  std::size_t locks = 0;
  for (const auto& e : entries) {
    locks += e.kind == entry_kind::byte_range_lock ? 1U : 0U;
    if (!is_caching(e) || e.lease->state == none)
      continue;
    const bool found = std::ranges::any_of(store_, [&](const auto& item) {
      const auto& record = item.second;
      return record.is_lease() && record.client_id == to_string(e.client) &&
        record.is_traditional_oplock == e.lease->is_oplock &&
        (e.lease->is_oplock || std::ranges::equal(record.lease_key, e.lease->key.bytes)) &&
        record.lease_state == bits(e.lease->state) && record.breaking == e.lease->breaking &&
        record.lease_epoch == e.lease->epoch;
    });
    if (!found)
      fail(where, "no record of [" + describe(e) + "]");
  }
  check_stored_opens(entries, where);
  const auto stored = std::ranges::count_if(
    store_, [](const auto& item) { return !item.second.is_lease() && !item.second.is_open(); });
  const auto recovered = std::ranges::count_if(
    entries, [](const auto& e) { return e.kind == entry_kind::recovered && !e.lease; });
  if (static_cast<std::size_t>(stored) != locks + static_cast<std::size_t>(recovered))
    fail(where,
      std::to_string(stored) + " records of byte-range locks, but there are " +
        std::to_string(locks) + " locks");
}

void world::finish(where_t where) {
  if (is_finished_)
    return;
  is_finished_ = true;
  is_strict_about_breaks = false;
  keeps_holds = false;
  for (const auto hold : std::set<hold_id>(holds_))
    end(hold, where);
  pass(std::chrono::minutes{10}, where);
  end_grace(where);
  for (const auto open : live_opens())
    close({operation_id::none, open}, where);
  pass(std::chrono::minutes{10}, where);

  for (const auto& [id, done] : operations_)
    if (!done)
      fail(where, "never completed: " + describe(commands_[id]));
  if (!live_opens().empty())
    fail(where, "opens are left");
  if (!file.empty())
    fail(where, "the file is not empty at the end");
  if (file.next_deadline())
    fail(where, "an empty file has a deadline");
  if (policy.keep_records && !store_.empty())
    fail(where, "a record is left: " + store_.begin()->first);
}

// -- expectations ---------------------------------------------------------------------------------

bool world::waits(const attempt& a) const {
  return !error_of(a).has_value();
}

std::optional<errc> world::error_of(const attempt& a) const {
  const auto it = operations_.find(a.operation);
  if (it == operations_.end() || !it->second)
    return std::nullopt;
  return it->second->error;
}

void world::expect_waits(const attempt& a, where_t where) {
  if (const auto error = error_of(a))
    fail(where, "should wait, but completed with: " + to_string(*error));
}

void world::expect_done(const attempt& a, where_t where) {
  expect_error(a, errc::success, where);
}

void world::expect_error(const attempt& a, errc error, where_t where) {
  const auto actual = error_of(a);
  if (!actual)
    fail(where, "still waits; expected: " + to_string(error));
  else if (*actual != error)
    fail(where, "expected: " + to_string(error) + "; was: " + to_string(*actual));
}

open_granted world::expect_granted(const attempt& a, lease_state state, where_t where) {
  expect_done(a, where);
  const auto granted = result_of<open_granted>(a);
  std::ostringstream text;
  text << "expected " << state << ", was granted " << granted.state;
  if (is_done(a) && granted.state != state)
    fail(where, text.str());
  return granted;
}

open_granted world::expect_oplock(const attempt& a, oplock_level level, where_t where) {
  expect_done(a, where);
  const auto granted = result_of<open_granted>(a);
  if (is_done(a) && granted.oplock != level)
    fail(where,
      "expected " + std::string(to_string(level)) + ", was granted " +
        std::string(to_string(granted.oplock)));
  return granted;
}

void world::expect_acknowledged(const attempt& a, lease_state state, where_t where) {
  expect_done(a, where);
  std::ostringstream text;
  text << "expected to be left with " << state << ", not "
       << result_of<break_acknowledged>(a).state;
  if (is_done(a) && result_of<break_acknowledged>(a).state != state)
    fail(where, text.str());
}

break_notification world::take_break(const std::function<bool(const break_notification&)>& is_it,
  const std::string& name, where_t where) {
  const auto it = std::ranges::find_if(notifications_, is_it);
  if (it == notifications_.end()) {
    std::string text = "no break of " + name;
    for (const auto& n : notifications_)
      text += "\n  but a " + describe(n);
    fail(where, text);
    return {};
  }
  const break_notification found = *it;
  notifications_.erase(it);
  return found;
}

namespace {

std::string difference(
  const break_notification& n, lease_state from, lease_state to, bool ack_required) {
  if (n.from == from && n.to == to && n.ack_required == ack_required)
    return {};
  std::ostringstream text;
  text << "expected a break from " << from << " to " << to
       << (ack_required ? " to be acknowledged" : "") << "; was: " << describe(n);
  return text.str();
}

} // namespace

break_notification world::expect_break(
  const lease_key& key, lease_state from, lease_state to, where_t where) {
  const auto n =
    take_break([&](const auto& candidate) { return !candidate.is_oplock && candidate.key == key; },
      short_name(key), where);
  const auto wrong =
    difference(n, from, to, intersects(from, lease_state::write | lease_state::handle));
  if (n.id != break_id::none && !wrong.empty())
    fail(where, wrong);
  return n;
}

break_notification world::expect_oplock_break(
  const attempt& open, lease_state from, lease_state to, where_t where) {
  const auto n = take_break(
    [&](const auto& candidate) { return candidate.is_oplock && candidate.open == open.open; },
    "the oplock of open " + std::to_string(number(open.open)), where);
  const auto wrong = difference(n, from, to, from != r);
  if (n.id != break_id::none && !wrong.empty())
    fail(where, wrong);
  return n;
}

streams_asked world::expect_asked(
  const attempt& cause, access_kind kind, const std::vector<std::string>& streams, where_t where) {
  auto all = take_asked();
  if (all.size() != 1) {
    fail(where, std::to_string(all.size()) + " requests to streams instead of one");
    return {};
  }
  const auto& asked = all.front();
  if (asked.operation != cause.operation || asked.kind != kind || asked.streams != streams)
    fail(where, "another request to streams: " + std::string(to_string(asked.kind)));
  return asked;
}

void world::expect_no_break(where_t where) {
  for (const auto& n : notifications_)
    fail(where, "unexpected: " + describe(n));
  notifications_.clear();
}

// -- queries -------------------------------------------------------------------------------------

std::optional<lease_info> world::lease_of(const client& who, const lease_key& key) const {
  for (const auto& e : file.list({}))
    if (e.kind == entry_kind::lease && e.client == who.guid && e.lease && e.lease->key == key)
      return e.lease;
  return std::nullopt;
}

std::optional<lease_info> world::oplock_of_open(const attempt& open) const {
  for (const auto& e : file.list({}))
    if (e.kind == entry_kind::oplock && e.open == open.open)
      return e.lease;
  return std::nullopt;
}

lease_state world::state_of_lease(const client& who, const lease_key& key) const {
  const auto lease = lease_of(who, key);
  return lease ? lease->state : none;
}

std::vector<listed_entry> world::listing(entry_kind kind) const {
  auto entries = file.list({});
  std::erase_if(entries, [&](const auto& e) { return e.kind != kind; });
  return entries;
}

std::vector<break_notification> world::take_breaks() {
  return std::exchange(notifications_, {});
}

std::set<open_id> world::live_opens() const {
  std::set<open_id> live;
  for (const auto& [id, request] : opens_)
    if (!closed_.contains(id))
      live.insert(id);
  return live;
}

} // namespace leasebreak::model_test
