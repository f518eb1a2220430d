#include <leasebreak/cluster/member.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace asio = boost::asio;

// All members are used on the strand.
struct member::impl : std::enable_shared_from_this<impl> {
  impl(asio::any_io_executor e, member_config c)
    : on(asio::make_strand(std::move(e))), config(std::move(c)), timer(on) {}

  void begin();
  void begin_later();
  [[nodiscard]] node_events events_of_run();
  static asio::awaitable<void> start_run(std::shared_ptr<impl> self);
  void joined();
  void stepped_down(step_down_cause cause);
  void leave(std::function<void()> done);
  void close();
  void submit(node_id run, const std::string& file_id, command what, break_id about);
  void note(std::string what) const;
  [[nodiscard]] member_status status() const;

  const asio::strand<asio::any_io_executor> on;
  member_config config;
  asio::steady_timer timer;
  std::shared_ptr<remote_files_user> user;
  std::unique_ptr<running_node> node; ///< Null between two runs.
  bool has_joined = false; ///< The coordinator knows that the run is a member.
  std::atomic<bool> is_closed{false}; ///< Set by the destructor, on any thread.
  bool is_leaving = false;
  std::vector<std::function<void()>> when_left;
};

void member::impl::note(std::string what) const {
  if (config.noted)
    config.noted(std::move(what));
}

void member::impl::begin() {
  if (is_closed || is_leaving || user == nullptr)
    return;
  try {
    node = std::make_unique<running_node>(on, config.make_engine(on), config.node, events_of_run());
  } catch (const boost::system::system_error& e) {
    note(std::string("cannot listen for other nodes: ") + e.what());
    return begin_later();
  }
  asio::co_spawn(on, start_run(shared_from_this()), asio::detached);
}

void member::impl::begin_later() {
  timer.expires_after(config.rejoin);
  timer.async_wait([weak = weak_from_this()](const auto& error) {
    if (const auto self = weak.lock(); self && !error)
      self->begin();
  });
}

// The node lives until its start has ended, also if the member is closed meanwhile.
asio::awaitable<void> member::impl::start_run(std::shared_ptr<impl> self) {
  const auto failed = co_await self->node->start();
  if (self->is_closed) {
    self->node.reset();
  } else if (self->is_leaving) {
    self->node.reset();
    for (const auto& done : std::exchange(self->when_left, {}))
      done();
  } else if (failed) {
    self->note(failed->what);
    self->node.reset();
    self->begin_later();
  }
}

node_events member::impl::events_of_run() {
  const std::weak_ptr<impl> weak = weak_from_this();
  // Calls `f` with this object while the run is in use.
  const auto guarded = [weak](auto f) {
    return [weak, f](auto... what) {
      if (const auto self = weak.lock(); self && !self->is_closed && self->node)
        f(*self, std::move(what)...);
    };
  };
  node_events v;
  v.joined = guarded([](impl& i) { i.joined(); });
  v.changed = guarded([](impl& i, part_changed e) {
    i.user->changed(i.node->id(), e.file_id, {std::move(e.ended), std::move(e.parts)});
  });
  v.broken = guarded(
    [](impl& i, break_arrived e) { i.user->broken(i.node->id(), e.file_id, std::move(e.what)); });
  v.completed = guarded([](impl& i, operation_completed e) {
    i.user->completed(i.node->id(), e.file_id, std::move(e.what));
  });
  v.stepped_down = guarded([](impl& i, step_down_cause cause) { i.stepped_down(cause); });
  if (config.fence)
    v.fence = guarded([](impl& i, node_id failed, std::function<void()> done) {
      i.config.fence(failed, std::move(done));
    });
  v.noted = guarded([](impl& i, std::string what) { i.note(std::move(what)); });
  return v;
}

void member::impl::joined() {
  user->joined(node->id());
  has_joined = true;
  if (config.on_join)
    config.on_join(node->id());
}

void member::impl::stepped_down(step_down_cause cause) {
  user->stepped_down(node->id());
  has_joined = false;
  node.reset();
  config.on_step_down(cause);
  if (cause != step_down_cause::left && !is_leaving)
    return begin_later();
  for (const auto& done : std::exchange(when_left, {}))
    done();
}

void member::impl::leave(std::function<void()> done) {
  if (is_closed)
    return;
  if (done)
    when_left.push_back(std::move(done));
  is_leaving = true;
  timer.cancel();
  if (node != nullptr && node->node() != nullptr)
    return node->leave(); // `stepped_down` follows
  if (node == nullptr)
    for (const auto& each : std::exchange(when_left, {}))
      each();
}

void member::impl::close() {
  timer.cancel();
  if (node != nullptr && node->node() != nullptr)
    node.reset(); // otherwise `start_run` does it
  when_left.clear();
}

void member::impl::submit(node_id run, const std::string& file_id, command what, break_id about) {
  if (is_closed || node == nullptr || node->id() != run)
    return;
  const auto operation = operation_of(what);
  const auto error = node->submit(file_id, std::move(what), about);
  // Other errors mean that the run is over, which is told, too.
  if (error == errc::too_many_waiting && operation != operation_id::none)
    user->completed(run, file_id, {operation, error, {}});
}

namespace {

std::vector<member_peer> members_of(const view& v, const std::vector<node_id>& silent) {
  std::vector<member_peer> all;
  for (const auto& m : v.members) {
    const auto owned = std::count_if(
      v.slots.begin(), v.slots.end(), [&](const auto& owner) { return owner.node == m.node; });
    all.push_back({m, static_cast<std::size_t>(owned),
      std::find(silent.begin(), silent.end(), m.node) != silent.end()});
  }
  return all;
}

} // namespace

member_status member::impl::status() const {
  member_status s;
  const auto* const n = node != nullptr ? node->node() : nullptr;
  if (n == nullptr)
    return s;
  s.stage = n->stage();
  if (s.stage == node_stage::member && !has_joined)
    s.stage = node_stage::joining; // who sees a member may begin operations at once
  s.run = node->id();
  s.pending = n->pending();
  if (const auto* const v = n->current_view()) {
    s.view = v->number;
    s.members = members_of(*v, n->suspected());
    s.slots = v->slots.size();
    for (std::size_t i = 0; i != v->slots.size(); ++i)
      s.served += n->serves(static_cast<slot_number>(i)) ? 1 : 0;
  }
  return s;
}

// -- the interface

member::member(asio::any_io_executor on, member_config config)
  : impl_(std::make_shared<impl>(std::move(on), std::move(config))) {}

// What is in the queue of the strand already finds that it is closed.
member::~member() {
  impl_->is_closed = true;
  asio::post(impl_->on, [i = impl_] { i->close(); });
}

void member::start() {
  asio::post(impl_->on, [i = impl_] { i->begin(); });
}

void member::leave(std::function<void()> done) {
  asio::post(
    impl_->on, [i = impl_, done = std::move(done)]() mutable { i->leave(std::move(done)); });
}

void member::status(std::function<void(member_status)> to) {
  asio::post(impl_->on, [i = impl_, to = std::move(to)] {
    if (!i->is_closed)
      to(i->status());
  });
}

void member::use(std::shared_ptr<remote_files_user> user, const file_policy& policy) {
  const auto least = impl_->config.node.settings.break_timeout_above();
  if (policy.break_timeout <= least)
    throw std::invalid_argument("leasebreak::coordinator_config: in a cluster with these leases, "
                                "break_timeout must be above " +
      std::to_string(std::chrono::ceil<std::chrono::milliseconds>(least).count()) + " ms");
  impl_->user = std::move(user);
  impl_->config.node.policy = policy;
  impl_->config.node.policy.live = nullptr; // it may end before the node does
}

void member::submit(node_id run, const std::string& file_id, command what, break_id about) {
  asio::post(impl_->on, [i = impl_, run, file_id, what = std::move(what), about]() mutable {
    i->submit(run, file_id, std::move(what), about);
  });
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
