// Starts, listens, and stops.
#include <smb_server/server.hpp>

#include <smb_server/admin.hpp>
#include <smb_server/auth/spnego.hpp>
#include <smb_server/membership.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/notify/directory_changes.hpp>
#include <smb_server/runtime/descriptors.hpp>
#include <smb_server/runtime/heap.hpp>
#include <smb_server/service/run_settings.hpp>
#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/negotiate.hpp>

#include <leasebreak/model/quoted.hpp>
#include <leasebreak/persistence/store_uri.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cstddef>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace leasebreak::smb {

namespace asio = boost::asio;

namespace {

std::string host_name() {
  error_code error;
  std::string name = asio::ip::host_name(error);
  return error || name.empty() ? "localhost" : name;
}

/// How long the stop waits for connections that are being ended.
constexpr auto stop_wait = std::chrono::seconds{10};

} // namespace

server::server(runtime& on, server_options options, std::shared_ptr<spdlog::logger> logger)
  : runtime_{on}, options_{std::move(options)}, logger_{std::move(logger)}, name_{host_name()},
    offered_mechanisms_{spnego::make_offer()}, watches_{{options_.limits.client_changes_bytes,
                                                 options_.limits.changes_bytes}},
    strand_{on.make_strand()}, accounts_{std::make_shared<const account_list>(
                                 options_.users, options_.domain)},
    trim_timer_{on, strand_}, emptied_{on, strand_} {
  for (const asio::any_io_executor& loop : on.loops())
    interims_.emplace_back(loop, std::make_unique<interim_timer>(on, loop, options_.interim_delay));
  keep_within_descriptors();
  const server_limits& most = options_.limits;
  shares_of_addresses_ =
    connection_shares{{most.connections, most.connections_per_address, most.silent_per_address}};
  users_.limit({most.opens_per_user, most.locks_per_user});
  vfs::pool_options pool;
  pool.threads = options_.disk_threads;
  pool.operations_max = options_.limits.disk_operations;
  pool.client_operations_max = std::max<std::size_t>(options_.limits.disk_operations / 4, 1);
  pool.user_operations_max = std::max<std::size_t>(options_.limits.disk_operations / 2, 1);
  pool.runner = runtime_.disk();
  if (pool.runner)
    pool.processors = pool.threads; // the same on all machines
  workers_ = std::make_unique<vfs::worker_pool>(std::move(pool));
  vfs_options_.opens_max = options_.limits.opens;
  vfs_options_.use_unnamed = options_.uses_new_calls;
  vfs_options_.use_noreplace = options_.uses_new_calls;
  vfs_options_.opens_counter = std::make_shared<std::atomic<std::size_t>>(0);
  for (const share_definition& share : options_.shares) {
    persistent_ = persistent_ || share.options.continuously_available;
    add_share(shares_, share, {});
  }
  open_coordinator();
  in_use_ = options_;
  fill_random(id_);
  std::array<std::uint8_t, 8> start{};
  fill_random(start);
  for (const std::uint8_t byte : start)
    last_session_ = (last_session_ << 8) | byte;
  start_time_ = to_filetime(runtime_.wall_now());
}

server::~server() = default;

/// Lowers the limits to what the file descriptors of the process permit.
void server::keep_within_descriptors() {
  const server_limits wanted =
    std::exchange(options_.limits, options_.limits.within(descriptor_limit()));
  const server_limits& now = options_.limits;
  if (now.connections < wanted.connections || now.opens < wanted.opens)
    log().warn("{} file descriptors are enough for {} connections and {} opens", descriptor_limit(),
      now.connections, now.opens);
}

namespace {

std::shared_ptr<lock_store> opened_store(const std::string& uri, bool persistent) {
  // Persistent opens must be in the store before their CREATEs complete.
  auto store = open_store(uri, {persistent});
  if (!store.ok())
    throw std::runtime_error(
      "cannot open the store: " + store.status.code.message() + ": " + store.status.detail);
  return std::move(store.value);
}

} // namespace

void server::open_coordinator() {
  if (persistent_ && options_.store == "memory")
    throw std::runtime_error(
      "a share with the option 'ca' needs a store that outlives the process: --store rocksdb:PATH");
  coordinator_config config;
  membership_ = make_membership(*this, config);
  config.break_timeout = options_.break_timeout;
  config.wait_max = 2 * options_.break_timeout; // as `settings_of` says
  if (!membership_)
    config.store = opened_store(options_.store, persistent_);
  config.durable = persistent_;
  config.logger = logger_;
  if (!persistent_) // no operation waits for the store: fewer, larger batches cost less
    config.write_delay = std::chrono::milliseconds{10};
  config.on_open_lost = [this](open_lost lost) {
    asio::co_spawn(runtime_.get_executor(), end_lost(std::move(lost)), asio::detached);
  };
  events_ = report_events(options_.admin, config);
  coordinator_ = runtime_.make_coordinator(std::move(config));
  first_settings_ = coordinator_->current_settings();
  const auto wanted = settings_of(options_, first_settings_);
  const auto set = coordinator_->change_settings([&](leasebreak::settings& s) { s = wanted; });
  if (set.error)
    throw std::runtime_error(set.fault);
  clients_ = std::make_shared<client_registry>(*coordinator_, interims_.size() > 1);
}

namespace {

/// On the strand of its connections, where the open is looked for: it may have been closed, or
/// kept, meanwhile.
asio::awaitable<bool> end_on_strand(server& host, channel_group_ptr in, open_lost& lost) {
  const open_ptr found = in->opens.find(lost.open);
  const open_ptr o = found ? in->opens.remove(found->id) : nullptr;
  if (!o)
    co_return false;
  host.log().info("{} {}", quoted(o->path),
    lost.cause == end_cause::lost ? "is lost with another server of the cluster"
                                  : "has moved to another client with its application");
  // MS-SMB2 3.3.4.1: complete the pending CHANGE_NOTIFY requests.
  if (const watch_ptr w = std::exchange(o->watch, nullptr))
    w->end(status::notify_cleanup);
  host.kept().forget(*o);
  if (deletes_directory(*o))
    co_await end_watches(host, *o);
  co_await end_base(host, *o);
  deletion gone = deletion_of(lost);
  co_await after_close(host, *o, std::move(gone));
  co_return true;
}

} // namespace

/// An open that its client has a connection for. False: it is not there (any more).
asio::awaitable<bool> server::end_superseded(open_lost& lost) {
  // A client without multichannel has a group for each connection.
  const std::shared_ptr<connection> on = kept_.connection_of(lost.open);
  channel_group_ptr in = on ? on->group : groups_->find(lost.client);
  if (!in)
    co_return false;
  const auto executor = in->executor;
  co_return co_await asio::co_spawn(
    executor, end_on_strand(*this, std::move(in), lost), asio::use_awaitable);
}

/// The file of an open that was just being closed, or made, when it ended, and that is to be
/// deleted with it. Null: there is no such file any more.
asio::awaitable<open_ptr> server::open_to_delete(
  file_name_id file, std::vector<deleted_name> names) {
  for (const deleted_name& name : names) {
    for (const auto& [key, share] : shares()) {
      auto path = vfs::path::parse(name.path);
      if (!path || share->root() != name.root)
        continue;
      auto [error, opened] = co_await share->files.async_open(
        std::move(*path), vfs::open_options{}, asio::as_tuple(asio::use_awaitable));
      if (error)
        continue;
      auto o = std::make_shared<open>();
      o->file = file;
      o->vfs_open = opened.file;
      o->tree_connect = std::make_shared<tree>(tree{0, share});
      o->path = share->name + "\\" + name.path;
      o->is_directory = opened.info.is_directory;
      if (opened.info.id.bytes() == file)
        co_return o;
    }
  }
  co_return nullptr;
}

asio::awaitable<void> server::delete_unopened(file_to_delete f) {
  const open_ptr o = co_await open_to_delete(f.file, f.names);
  if (!o)
    co_return;
  deletion gone{std::move(f.hold), f.parent_key, std::move(f.names)};
  co_await after_close(*this, *o, std::move(gone));
}

/// Ends a disconnected open that has expired or was purged, or an open whose application has opened
/// the file on another client. An open may end before it is in a table; then only its file is left
/// to be deleted.
asio::awaitable<void> server::end_lost(open_lost lost) {
  std::optional<open_lost> report{std::move(lost)};
  open_ptr o = kept_.lose(report);
  if (!report) // left to the request that moves the open
    co_return;
  const bool may_be_connected =
    report->cause == end_cause::superseded || report->cause == end_cause::lost;
  if (!o && may_be_connected) {
    if (co_await end_superseded(*report))
      co_return;
  }
  if (!o && report->hold)
    o = co_await open_to_delete(report->file, report->names);
  if (o)
    co_await finish_lost(o, std::move(*report));
  else
    clients_->remove(report->client, nullptr);
}

asio::awaitable<void> server::finish_lost(open_ptr o, open_lost lost) {
  log().info("{} is not kept any longer", quoted(o->path));
  if (deletes_directory(*o))
    co_await end_watches(*this, *o);
  co_await end_base(*this, *o);
  // A named value, as elsewhere: g++ 12 destroys such a temporary twice within co_await.
  deletion gone = deletion_of(lost);
  co_await after_close(*this, *o, std::move(gone));
  clients_->remove(lost.client, nullptr);
}

asio::awaitable<void> server::end_kept(open_ptr o) {
  auto [error, closed] = co_await tell_closed(*this, o, false);
  if (error)
    log().debug("closing {}: {}", quoted(o->path), error.message());
  if (deletes_directory(*o))
    co_await end_watches(*this, *o);
  co_await end_base(*this, *o);
  deletion gone = deletion_of(closed);
  co_await after_close(*this, *o, std::move(gone));
}

/// Ends the kept opens that do not survive the process. Their deletions would otherwise never be
/// carried out. All are closed at once: one may wait for a persistent open whose client is away.
asio::awaitable<void> server::end_kept() {
  std::vector<open_ptr> ending = kept_.take_unrecoverable();
  kept_ending_ = ending.size();
  if (ending.empty())
    co_return;
  emptied_.expires_after(stop_wait);
  for (open_ptr& o : ending) {
    asio::co_spawn(strand_, end_kept(std::move(o)), [this](const std::exception_ptr&) {
      if (--kept_ending_ == 0)
        emptied_.cancel();
    });
  }
  error_code ignored;
  while (kept_ending_ > 0 && emptied_.expiry() > runtime_.now())
    co_await emptied_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

/// Binds the port. Connections are not accepted yet.
void server::bind() {
  const std::string place =
    (options_.address.find(':') == std::string::npos ? options_.address
                                                     : "[" + options_.address + "]") +
    ":" + std::to_string(options_.port);
  try {
    const asio::ip::tcp::endpoint where{asio::ip::make_address(options_.address), options_.port};
    listener_ = runtime_.listen(strand_, where);
  } catch (const boost::system::system_error& e) {
    throw std::runtime_error("cannot listen on " + place + ": " + e.code().message());
  }
}

asio::awaitable<void> server::start() {
  bind(); // who cannot have the port leaves the store as it is
  auto [error, found] = co_await coordinator_->async_start(asio::as_tuple(asio::use_awaitable));
  if (error)
    throw boost::system::system_error{error, "cannot read the store " + options_.store};
  if (found.recovered > 0 || !found.clean)
    log().info("the store has {} records; the last stop was {}", found.recovered,
      found.clean ? "in order" : "not in order");
  co_await recover(std::move(found.opens));
  if (membership_)
    co_await join(membership_);
  asio::co_spawn(strand_, listen(), asio::detached);
}

/// Accepts until the listener is closed. What goes wrong with one connection, a lack of memory
/// included, must not keep the next ones out.
asio::awaitable<void> server::listen() {
  // Given back while memory is short, so that the next wait can be begun.
  constexpr std::size_t reserve_bytes = 65'536;
  auto reserve = std::make_unique<std::byte[]>(reserve_bytes);
  bool told = false; // once for each time that it fails, however long that lasts
  timer pause{runtime_, strand_};
  const auto warn_once = [&](std::string_view why) {
    try {
      if (!std::exchange(told, true))
        log().warn("cannot accept: {}", why);
    } catch (const std::bad_alloc&) {
      // then without a line
    }
  };
  while (listener_->is_open()) {
    try {
      error_code error = co_await accept_one();
      if (error == asio::error::operation_aborted)
        co_return;
      if (error) { // out of descriptors, for instance: others must go first
        warn_once(error.message());
        pause.expires_after(std::chrono::milliseconds{100});
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      } else {
        told = false;
      }
    } catch (const std::bad_alloc&) {
      // Without a pause, whose timer needs memory, too. The handlers in the queue run before the
      // next attempt.
      reserve.reset();
      warn_once("Cannot allocate memory");
    }
    if (!reserve)
      reserve.reset(new (std::nothrow) std::byte[reserve_bytes]);
  }
}

/// Returns when a connection is served, or refused because there are too many.
asio::awaitable<error_code> server::accept_one() {
  error_code error;
  const auto strand = runtime_.make_connection_strand();
  auto stream = co_await listener_->accept(strand, error);
  if (error || !stream) // or it has gone already
    co_return error;
  const auto address = stream->peer().address();
  const auto id = static_cast<connection_id>(++last_connection_);
  auto alone = std::make_shared<channel_group>(leasebreak::client_guid{}, strand);
  auto c = std::make_shared<connection>(*this, std::move(stream), id, std::move(alone));
  log().debug("{}: connected", c->peer());
  try {
    if (!admit(c, address))
      co_return error;
    asio::co_spawn(c->get_executor(), serve(c), asio::detached);
  } catch (...) { // no coroutine serves it
    forget(c->id());
    throw;
  }
  co_return error;
}

/// False: there are too many.
bool server::admit(const std::shared_ptr<connection>& c, const asio::ip::address& address) {
  std::shared_ptr<connection> displaced;
  bool is_admitted = false;
  {
    const std::lock_guard lock{mutex_};
    if (!is_serving_)
      return false;
    const auto [refused, other] = shares_of_addresses_.enter(c->id(), address);
    is_admitted = refused.empty();
    if (is_admitted)
      connections_.emplace(c->id(), c);
    else
      log().warn("{}: refused: {}", c->peer(), refused);
    if (other != connection_id::none)
      displaced = connections_.at(other).lock();
  }
  if (displaced)
    asio::post(displaced->get_executor(), [displaced] { displaced->make_room(); });
  return is_admitted;
}

void server::logged_on(connection_id id) {
  const std::lock_guard lock{mutex_};
  shares_of_addresses_.logged_on(id);
}

void server::forget(connection_id id) {
  const std::lock_guard lock{mutex_};
  connections_.erase(id);
  shares_of_addresses_.leave(id);
}

/// A client has gone: what it took may be much, and glibc would keep it. Once for those that go
/// within a second.
void server::trim_memory_soon() {
  constexpr auto delay = std::chrono::seconds{1};
  constexpr std::size_t free_max = std::size_t{32} << 20;
  if (!listener_->is_open() || std::exchange(trim_pending_, true))
    return;
  trim_timer_.expires_after(delay);
  trim_timer_.async_wait([this](error_code error) {
    trim_pending_ = false;
    if (error)
      return;
    vfs::work<void> trim = [] {
      trim_heap(free_max);
      return vfs::error_code{};
    };
    workers_->async_finish<void>(runtime_.get_executor(), std::move(trim), asio::detached);
  });
}

asio::awaitable<void> server::serve(std::shared_ptr<connection> c) {
  try {
    // It goes on where the other connections of its client run.
    const std::shared_ptr<connection> next = co_await c->run();
    if (next && replace(next)) {
      asio::co_spawn(next->get_executor(), serve(next), asio::detached);
      co_return;
    }
  } catch (const std::exception& e) {
    log().error("{}: connection failed: {}", c->peer(), e.what());
  }
  forget(c->id());
  bool empty = false;
  {
    const std::lock_guard lock{mutex_};
    empty = connections_.empty();
  }
  asio::post(strand_, [this] { trim_memory_soon(); });
  if (empty)
    asio::post(strand_, [this] { emptied_.cancel(); });
}

/// The connection goes on as another object. False if the server stops.
bool server::replace(const std::shared_ptr<connection>& by) {
  const std::lock_guard lock{mutex_};
  if (stopping_)
    return false;
  connections_.at(by->id()) = by;
  return true;
}

channel_group_ptr server::group_of(
  const leasebreak::client_guid& client, const asio::any_io_executor& of_first) {
  return groups_->of(client, of_first);
}

interim_timer& server::interims(const asio::any_io_executor& loop) noexcept {
  if (interims_.size() > 1) {
    for (const auto& [executor, timer] : interims_)
      if (executor == loop)
        return *timer;
  }
  return *interims_.front().second;
}

asio::awaitable<void> server::stop() {
  error_code ignored;
  co_await asio::post(strand_, asio::use_awaitable);
  if (listener_)
    listener_->close();
  trim_timer_.cancel();
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  std::vector<std::shared_ptr<connection>> ending = all_connections();
  for (const auto& c : ending)
    asio::post(c->get_executor(), [c] { c->close("the server stops"); });
  if (!ending.empty()) {
    ending.clear();
    emptied_.expires_after(stop_wait);
    co_await emptied_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  // On the strand, like all use of the timer and of what it waits for.
  co_await asio::co_spawn(strand_, end_kept(), asio::use_awaitable);
  auto [error] = co_await coordinator_->async_shutdown(asio::as_tuple(asio::use_awaitable));
  if (error)
    log().error("stopping the coordinator: {}", error.message());
  if (membership_)
    co_await leave(membership_, runtime_.get_executor());
}

std::vector<std::shared_ptr<connection>> server::all_connections() {
  std::vector<std::shared_ptr<connection>> all;
  const std::lock_guard lock{mutex_};
  for (const auto& [key, weak] : connections_) {
    if (auto c = weak.lock())
      all.push_back(std::move(c));
  }
  return all;
}

// A connection that is admitted at the same time is among those that end.
void server::stop_serving(const std::string& why) {
  {
    const std::lock_guard lock{mutex_};
    is_serving_ = false;
  }
  for (const auto& c : all_connections())
    asio::post(c->get_executor(), [c, why] { c->close(why); });
}

void server::serve_again() {
  const std::lock_guard lock{mutex_};
  is_serving_ = true;
}

std::uint16_t server::signing_mode() const noexcept {
  return static_cast<std::uint16_t>(security_mode::signing_enabled |
    (options_.require_signing ? security_mode::signing_required : 0));
}

void server::add_session(const session_ptr& s) {
  const std::lock_guard lock{mutex_};
  do {
    ++last_session_;
  } while (
    last_session_ == 0 || last_session_ == UINT64_MAX || sessions_.count(last_session_) != 0);
  s->id = last_session_;
  sessions_.emplace(last_session_, s);
}

void server::remove_session(std::uint64_t id) {
  const std::lock_guard lock{mutex_};
  sessions_.erase(id);
}

session_ptr server::find_session(std::uint64_t id) const {
  const std::lock_guard lock{mutex_};
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.lock();
}

} // namespace leasebreak::smb
