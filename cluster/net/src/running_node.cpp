// Effects of the protocol are executed in order, none within another.
#include <leasebreak/cluster/running_node.hpp>

#include "use_tuple.hpp"
#include <leasebreak/cluster/local_files.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <time.h>

#include <deque>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace asio = boost::asio;

namespace {

/// The time since the machine started, while it was suspended as well: leases expire then, too.
time_point now() {
  timespec t{};
  ::clock_gettime(CLOCK_BOOTTIME, &t);
  return time_point{} + std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

} // namespace

struct running_node::impl : std::enable_shared_from_this<impl> {
  impl(asio::any_io_executor e, std::unique_ptr<engine> w, node_config c, node_events v)
    : on(std::move(e)), with(std::move(w)), config(std::move(c)), events(std::move(v)), timer(on) {}

  void open_links();
  void begin(node_id run);
  void close();
  /// Gives the node an input, and executes what follows.
  template <class Function>
  void run(const Function& input);
  void execute_all();
  /// Lets the links and the user know the node's view.
  void follow_view();
  static asio::awaitable<void> tick_on(std::shared_ptr<impl> self);
  void take(std::vector<files_result> results);
  void note(const engine_error& what);

  void execute(const renew_lease& e);
  void execute(const read_document& e);
  void execute(const propose_view& e);
  void execute(const revoke_lease& e);
  void execute(const send_packet& e);
  void execute(const fence_node& e);
  void execute(const operation_completed& e) { tell(events.completed, e); }
  void execute(const break_arrived& e) { tell(events.broken, e); }
  void execute(const part_changed& e) { tell(events.changed, e); }
  void execute(const opens_lost& e) { tell(events.lost, e); }
  void execute(const stepped_down& e);
  void execute(const files_request& e);

  static asio::awaitable<void> renew(std::shared_ptr<impl> self);
  static asio::awaitable<void> read(std::shared_ptr<impl> self, time_point sent);
  static asio::awaitable<void> propose(std::shared_ptr<impl> self, view next);
  static asio::awaitable<void> revoke(std::shared_ptr<impl> self);

  /// Calls an event later, because the user may call the node.
  template <class... What>
  void tell(const std::function<void(What...)>& event, const What&... what) {
    if (event)
      asio::post(on, [self = shared_from_this(), event, what...] {
        if (!self->is_closed)
          event(what...);
      });
  }

  asio::any_io_executor on;
  std::unique_ptr<engine> with;
  node_config config;
  node_events events;
  asio::steady_timer timer;
  std::optional<peer_links> links;
  std::optional<cluster_node> node;
  std::optional<local_files> files;
  node_id id{};
  bool is_closed = false;
  std::deque<node_effect> effects;
  bool is_executing = false;
  std::uint64_t installed = 0; ///< The number of the view that the links know.
  std::optional<renew_lease> next_renewal; ///< Asked for while one is in progress.
  bool is_renewing = false;
  bool is_reading = false;
  bool is_proposing = false;
  std::string last_note;
};

void running_node::impl::open_links() {
  const std::weak_ptr<impl> weak = weak_from_this();
  link_events to;
  to.clock = &now;
  to.noted = [weak](std::string what) {
    if (const auto self = weak.lock(); self && !self->is_closed && self->events.noted)
      self->events.noted(std::move(what));
  };
  to.arrived = [weak](const packet& p) {
    if (const auto self = weak.lock())
      self->run([&](auto& out) { self->node->packet_arrived(p, now(), out); });
  };
  links.emplace(on, config.links, std::move(to));
}

void running_node::impl::begin(node_id run) {
  id = run;
  const auto& address = config.advertise.empty() ? config.links.listen : config.advertise;
  const view_member self{config.name, run, address, 0};
  node.emplace(config.settings, self, config.slots);
  files.emplace(run, config.policy, static_cast<bool>(events.changed));
  links->start(self);
  asio::co_spawn(on, tick_on(shared_from_this()), asio::detached);
}

void running_node::impl::close() {
  is_closed = true;
  timer.cancel();
  links.reset();
}

template <class Function>
void running_node::impl::run(const Function& input) {
  if (is_closed || !node)
    return;
  node_effects out;
  input(out);
  for (auto& e : out)
    effects.push_back(std::move(e));
  if (!std::exchange(is_executing, true)) {
    execute_all();
    is_executing = false;
  }
}

// The links must know members before messages to them are sent.
void running_node::impl::execute_all() {
  for (follow_view(); !effects.empty() && !is_closed; follow_view()) {
    const auto effect = std::move(effects.front());
    effects.pop_front();
    std::visit([this](const auto& e) { execute(e); }, effect);
  }
}

void running_node::impl::follow_view() {
  const auto* const v = node->current_view();
  if (!links || v == nullptr || v->number == installed)
    return;
  if (std::exchange(installed, v->number) == 0)
    tell(events.joined);
  links->install(*v);
}

asio::awaitable<void> running_node::impl::tick_on(std::shared_ptr<impl> self) {
  while (!self->is_closed && self->node->stage() != node_stage::stopped) {
    self->run([&](auto& out) { self->node->tick(now(), out); });
    std::vector<files_result> results;
    if (!self->is_closed)
      self->files->expire(now(), self->node->is_unheard(now()), results);
    self->take(std::move(results));
    self->timer.expires_after(self->config.tick);
    co_await self->timer.async_wait(use_tuple);
  }
}

void running_node::impl::take(std::vector<files_result> results) {
  for (auto& r : results)
    run([&](auto& out) { node->files_did(std::move(r), now(), out); });
}

// The same problem is told once.
void running_node::impl::note(const engine_error& what) {
  if (events.noted && std::exchange(last_note, what.what) != what.what)
    events.noted(what.what);
}

// -- effects

void running_node::impl::execute(const renew_lease& e) {
  next_renewal = e;
  if (!std::exchange(is_renewing, true))
    asio::co_spawn(on, renew(shared_from_this()), asio::detached);
}

asio::awaitable<void> running_node::impl::renew(std::shared_ptr<impl> self) {
  while (self->next_renewal && !self->is_closed) {
    const auto what = *std::exchange(self->next_renewal, std::nullopt);
    const auto result = co_await self->with->renew(what.suspected);
    if (const auto* const failed = std::get_if<engine_error>(&result))
      self->note(*failed);
    else if (std::get<bool>(result))
      self->run([&](auto& out) { self->node->lease_renewed(what.sent, now(), out); });
    else
      self->run([&](auto& out) { self->node->lease_refused(now(), out); });
  }
  self->is_renewing = false;
}

void running_node::impl::execute(const read_document& e) {
  if (!std::exchange(is_reading, true))
    asio::co_spawn(on, read(shared_from_this(), e.sent), asio::detached);
}

asio::awaitable<void> running_node::impl::read(std::shared_ptr<impl> self, time_point sent) {
  const auto result = co_await self->with->read();
  self->is_reading = false;
  if (const auto* const failed = std::get_if<engine_error>(&result)) {
    self->note(*failed);
    co_return;
  }
  const auto& document = std::get<engine_document>(result);
  // A node that joins must reach all members before it is one.
  if (self->links && self->node->current_view() == nullptr)
    self->links->install(document.current);
  self->run([&](auto& out) { self->node->document_read(document, sent, now(), out); });
}

void running_node::impl::execute(const propose_view& e) {
  if (!std::exchange(is_proposing, true))
    asio::co_spawn(on, propose(shared_from_this(), e.next), asio::detached);
}

asio::awaitable<void> running_node::impl::propose(std::shared_ptr<impl> self, view next) {
  const auto result = co_await self->with->propose(std::move(next));
  self->is_proposing = false;
  if (const auto* const failed = std::get_if<engine_error>(&result))
    self->note(*failed);
}

void running_node::impl::execute(const revoke_lease& /*e*/) {
  asio::co_spawn(on, revoke(shared_from_this()), asio::detached);
}

asio::awaitable<void> running_node::impl::revoke(std::shared_ptr<impl> self) {
  const auto result = co_await self->with->revoke();
  if (const auto* const failed = std::get_if<engine_error>(&result))
    self->note(*failed);
}

void running_node::impl::execute(const send_packet& e) {
  if (links)
    links->send(e.what);
}

void running_node::impl::execute(const fence_node& e) {
  const auto done = [weak = weak_from_this(), on = on, failed = e.node] {
    asio::post(on, [weak, failed] {
      if (const auto self = weak.lock())
        self->run([&](auto& out) { self->node->node_fenced(failed, now(), out); });
    });
  };
  if (!events.fence)
    return done();
  asio::post(on, [self = shared_from_this(), failed = e.node, done] {
    if (!self->is_closed)
      self->events.fence(failed, done);
  });
}

void running_node::impl::execute(const stepped_down& e) {
  timer.cancel();
  links.reset();
  tell(events.stepped_down, e.cause);
}

void running_node::impl::execute(const files_request& e) {
  std::vector<files_result> results;
  files->execute(e, now(), results);
  take(std::move(results));
}

// -- the interface

running_node::running_node(
  asio::any_io_executor on, std::unique_ptr<engine> with, node_config config, node_events events)
  : impl_(std::make_shared<impl>(
      std::move(on), std::move(with), std::move(config), std::move(events))) {
  impl_->open_links();
}

running_node::~running_node() {
  impl_->close();
}

asio::awaitable<std::optional<engine_error>> running_node::start() {
  const auto self = impl_;
  auto run = co_await self->with->start_run();
  if (auto* const failed = std::get_if<engine_error>(&run))
    co_return std::move(*failed);
  if (!self->is_closed)
    self->begin(std::get<node_id>(run));
  co_return std::nullopt;
}

void running_node::leave() {
  impl_->run([&](auto& out) { impl_->node->leave(now(), out); });
}

errc running_node::submit(const std::string& file_id, command what, break_id about) {
  errc result = errc::not_started;
  impl_->run(
    [&](auto& out) { result = impl_->node->submit(file_id, std::move(what), now(), out, about); });
  return result;
}

void running_node::abandon(operation_id operation) {
  impl_->run([&](auto& out) { impl_->node->abandon(operation, now(), out); });
}

operation_id running_node::new_operation() {
  return impl_->node->new_operation();
}

const cluster_node* running_node::node() const {
  return impl_->node ? &*impl_->node : nullptr;
}

node_id running_node::id() const {
  return impl_->id;
}

std::uint16_t running_node::port() const {
  return impl_->links ? impl_->links->port() : std::uint16_t{0};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
