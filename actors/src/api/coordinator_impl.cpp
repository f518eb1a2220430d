#include "coordinator_impl.hpp"

#include "cluster_link.hpp"
#include "files/file_actor.hpp"
#include "runtime/asio_scheduler.hpp"
#include "runtime/caf_scheduler.hpp"
#include "runtime/out_of_memory.hpp"

#include <leasebreak/detail/time_source.hpp>
#include <leasebreak/persistence/lock_store.hpp>

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

std::unique_ptr<turn_scheduler> make_scheduler(const boost::asio::any_io_executor& executor,
  const coordinator_config& c, const std::shared_ptr<time_source>& time) {
  if (c.scheduler == scheduler_kind::asio)
    return std::make_unique<asio_scheduler>(executor, c.messages_per_turn, time);
  return std::make_unique<caf_scheduler>(
    c.scheduler == scheduler_kind::caf_stealing, c.caf_threads, c.messages_per_turn);
}

} // namespace

coordinator_impl::coordinator_impl(boost::asio::any_io_executor executor, coordinator_config config,
  std::shared_ptr<time_source> time)
  : executor_(std::move(executor)), config_(std::move(config)), time_(std::move(time)),
    lost_(config_.on_open_lost ? std::make_shared<lost_sink>(config_.on_open_lost) : nullptr),
    events_(config_.on_event ? std::make_unique<event_sink>(config_.on_event) : nullptr),
    logger_(config_.logger ? config_.logger : spdlog::get("leasebreak")),
    store_name_(config_.store ? config_.store->description() : std::string{}),
    queues_on_executor_(config_.scheduler == scheduler_kind::asio), settings_(config_),
    files_(*this, config_.idle_files_max), scheduler_(make_scheduler(executor_, config_, time_)) {
  if (config_.store != nullptr) {
    records_ = make_turn_actor<persistence_actor>(*scheduler_, *this);
  }
  started_.store(config_.store == nullptr);
  steady_start_ = scheduler_->now();
  wall_start_ = std::chrono::time_point_cast<duration>(
    time_ ? time_->wall_now() : std::chrono::system_clock::now());
  if (time_)
    open_ids_.begin(1);
}

std::shared_ptr<coordinator_impl> coordinator_impl::make(boost::asio::any_io_executor executor,
  coordinator_config config, std::shared_ptr<time_source> time) {
  auto made =
    std::make_unique<coordinator_impl>(std::move(executor), std::move(config), std::move(time));
  std::shared_ptr<coordinator_impl> result(made.get(),
    [](coordinator_impl* self) { self->released_.store(true, std::memory_order_release); });
  static_cast<void>(made.release());
  try {
    if (auto* const cluster = result->cluster())
      cluster->use(std::make_shared<cluster_link>(result), result->policy());
  } catch (...) {
    end(std::move(result));
    throw;
  }
  return result;
}

void coordinator_impl::join_cluster(node_id run) noexcept {
  open_ids_.begin(static_cast<std::uint64_t>(run));
  cluster_run_.store(run);
}

// A file that finds the run still current gets the message afterwards, because it exists already.
void coordinator_impl::leave_cluster(node_id run) {
  auto current = run;
  if (!cluster_run_.compare_exchange_strong(current, node_id::none))
    return;
  for (const auto& file : files_.all()) {
    message_ptr m = std::make_unique<remote_run_ended>(run);
    static_cast<void>(file->deliver(m)); // one that has ended had nothing
  }
}

// A file that is not there waits for nothing.
void coordinator_impl::tell(const file_name_id& file, message_ptr news) {
  static_cast<void>(deliver(file, news, false));
}

// Waits, because a hold, a report or a deferred operation on another thread may hold a reference
// for a short time.
void coordinator_impl::end(std::shared_ptr<coordinator_impl> last) noexcept {
  const std::unique_ptr<coordinator_impl> self(last.get());
  last.reset();
  while (!self->released_.load(std::memory_order_acquire))
    std::this_thread::yield();
}

// The stopped actors must be destroyed before the scheduler.
coordinator_impl::~coordinator_impl() {
  files_.forget_stopped();
}

void coordinator_impl::silence() noexcept {
  stopping_.store(true);
  needs_memory("to end clients", [this] { clients_.silence_all(); });
  if (lost_)
    lost_->close();
  if (events_)
    events_->close();
}

void coordinator_impl::stop() noexcept {
  stopping_.store(true);
  files_.stop_all();
  if (records_)
    records_->stop();
  scheduler_->begin_stop();
  if (records_)
    needs_memory("to write the store to the end", [this] { records_->finish_store(); });
}

std::unique_ptr<store_writer> coordinator_impl::make_writer() const {
  return time_ ? std::make_unique<store_writer>(config_.store, executor_)
               : std::make_unique<store_writer>(config_.store);
}

time_point coordinator_impl::now() const noexcept {
  return wall_start_ + std::chrono::duration_cast<duration>(scheduler_->now() - steady_start_);
}

turn_scheduler::time_point coordinator_impl::to_steady(time_point t) const noexcept {
  return steady_start_ + std::chrono::duration_cast<turn_scheduler::duration>(t - wall_start_);
}

// If lost opens are not reported, the hold is released with `lost`.
void coordinator_impl::report_lost(open_lost lost) {
  if (lost_)
    boost::asio::post(
      executor_, [to = lost_, lost = std::move(lost)]() mutable { to->tell(std::move(lost)); });
}

errc coordinator_impl::admit() const noexcept {
  if (stopping_.load(std::memory_order_relaxed))
    return errc::shutting_down;
  if (cluster() != nullptr && cluster_run() == node_id::none)
    return errc::not_a_member;
  return started_.load(std::memory_order_acquire) ? errc::success : errc::not_started;
}

errc coordinator_impl::admit(const file_name_id& file) const noexcept {
  if (file.empty())
    return errc::file_id_empty;
  if (file.size() > limit(&limits::file_id_bytes))
    return errc::file_id_too_long;
  return admit();
}

errc coordinator_impl::admit_record() const noexcept {
  return records_ && records_->backlog() >= config_.store_backlog_max ? errc::store_backlog
                                                                      : errc::success;
}

void coordinator_impl::set_epoch(std::uint64_t epoch) noexcept {
  settings_.set_epoch(epoch);
  if (config_.store->outlives_process())
    open_ids_.begin(epoch);
}

error_code coordinator_impl::add_client(const client_guid& guid, break_sink sink, std::string label,
  boost::asio::any_io_executor executor) {
  if (guid.is_zero() || !sink)
    return to_error_code(errc::invalid_argument);
  if (is_stopping())
    return to_error_code(errc::shutting_down);
  auto added = std::make_shared<client>(
    guid, std::move(label), std::move(sink), std::move(executor), executor_);
  return to_error_code(clients_.add(std::move(added)));
}

error_code coordinator_impl::remove_client(const client_guid& guid) {
  return to_error_code(clients_.remove(guid));
}

error_code coordinator_impl::replace_sink(
  const client_guid& guid, break_sink sink, boost::asio::any_io_executor executor) {
  if (!sink)
    return to_error_code(errc::invalid_argument);
  const auto owner = clients_.find(guid);
  if (owner == nullptr)
    return to_error_code(errc::unknown_client);
  const bool replaced =
    sink_queue::replace(client::notifications(owner), std::move(sink), std::move(executor));
  return to_error_code(replaced ? errc::success : errc::unknown_client);
}

error_code coordinator_impl::add_channel(
  const client_guid& guid, const channel_id& c, std::uint16_t dialect) {
  const auto owner = clients_.find(guid);
  return to_error_code(owner == nullptr
      ? errc::unknown_client
      : owner->add_channel(c, dialect, limit(&limits::channels_per_client)));
}

error_code coordinator_impl::set_label(const client_guid& guid, std::string label) {
  const auto owner = clients_.find(guid);
  if (owner != nullptr)
    owner->set_label(std::move(label));
  return to_error_code(owner == nullptr ? errc::unknown_client : errc::success);
}

std::vector<listed_client> coordinator_impl::list_clients(
  std::size_t limit, const client_guid& after) const {
  std::vector<listed_client> result;
  for (const auto& c : clients_.after(after, limit))
    result.push_back(c->describe());
  return result;
}

file_name_id coordinator_impl::file_of_lease(const client_guid& guid, const lease_key& key) const {
  const auto owner = clients_.find(guid);
  return owner ? owner->file_of(key) : file_name_id{};
}

settings_change coordinator_impl::change_settings(const std::function<void(settings&)>& edit) {
  if (is_stopping())
    return {to_error_code(errc::shutting_down), "the coordinator is stopping", {}};
  auto result = settings_.change(edit, [this](const limits& now) {
    opens_.change_bound(now.opens_total);
    locks_.change_bound(now.locks_total);
    places_.change_bound(now.waiting_total);
  });
  if (auto* const to = log())
    for (const auto& c : result.changed)
      to->info("setting changed: {}", to_string(c));
  return result;
}

statistics coordinator_impl::stats() const {
  auto s = counters_.snapshot();
  s.opens_now = opens_.get();
  s.locks_now = locks_.get();
  s.waiting_now = waiting_.now();
  s.waiting_most = waiting_.most();
  s.waiting_for_guards_now = waiting_for_guards_.now();
  s.waiting_for_guards_most = waiting_for_guards_.most();
  s.files_alive = files_.size();
  s.clients = clients_.size();
  s.in_grace = in_grace_.load();
  s.clients_unresponsive = unresponsive_.count(now());
  if (records_) {
    s.store_backlog = records_->backlog();
    s.store_failing = records_->is_failing();
    if (const auto since = records_->oldest(); since != time_point{})
      s.store_lag_us = static_cast<std::uint64_t>(std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::microseconds>(now() - since).count()));
  }
  return s;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
