// The implementation of `coordinator`: the actor system, the tables, and the routing of operations
// to their files.
#pragma once

#include "clients/client.hpp"
#include "clients/lost_sink.hpp"
#include "completion/operation.hpp"
#include "durability/persistence_actor.hpp"
#include "files/open_ids.hpp"
#include "files/path_index.hpp"
#include "files/registry.hpp"
#include "live_settings.hpp"
#include "observe/counters.hpp"
#include "observe/event_sink.hpp"
#include "observe/unresponsive.hpp"
#include "runtime/turn_scheduler.hpp"

#include <leasebreak/coordinator.hpp>
#include <leasebreak/model/file_state.hpp>
#include <leasebreak/remote_files.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class entry_call;
class time_source;

class LEASEBREAK_HIDDEN coordinator_impl : public std::enable_shared_from_this<coordinator_impl> {
public:
  /// `time` is for tests and simulations: it replaces all clocks, and the store's jobs run on the
  /// executor, so that no other thread is involved.
  coordinator_impl(boost::asio::any_io_executor executor, coordinator_config config,
    std::shared_ptr<time_source> time);
  ~coordinator_impl();

  /// Makes an object that the last reference does not destroy, because that reference may be
  /// released within a turn, for which the destructor would wait. `end` destroys it.
  [[nodiscard]] static std::shared_ptr<coordinator_impl> make(boost::asio::any_io_executor executor,
    coordinator_config config, std::shared_ptr<time_source> time);
  /// Destroys the object on this thread as soon as no other thread refers to it. Must not be called
  /// within a turn.
  static void end(std::shared_ptr<coordinator_impl> last) noexcept;

  // -- operations; each completes `op`, now or later

  void start(open_request&& r, std::unique_ptr<file_call<open_result>> op);
  void start(close_request&& r, std::unique_ptr<file_call<close_result>> op);
  void start(reconnect_request&& r, std::unique_ptr<file_call<open_result>> op);
  void start(replay_request&& r, std::unique_ptr<file_call<open_result>> op);
  void start(server_state_request&& r, std::unique_ptr<file_call<void>> op);
  void start(resilience_request&& r, std::unique_ptr<file_call<void>> op);
  void start(lock_request&& r, std::unique_ptr<file_call<std::size_t>> op);
  void start(reclaim_lock_request&& r, std::unique_ptr<file_call<void>> op);
  void start(unlock_request&& r, std::unique_ptr<file_call<std::size_t>> op);
  void start(lease_acknowledgement&& r, std::unique_ptr<file_call<lease_state>> op);
  void start(oplock_acknowledgement&& r, std::unique_ptr<file_call<oplock_level>> op);
  void start(access_request&& r, std::unique_ptr<file_call<access_result>> op);
  void start(entry_guard_request&& r, std::unique_ptr<entry_call> op);
  void start(rename_tree_request&& r, std::unique_ptr<plain_call<tree_guard>> op);
  void start(io_request&& r, std::unique_ptr<file_call<void>> op);
  void start(file_query&& r, std::unique_ptr<plain_call<file_facts>> op);
  void start(force_break_request&& r, std::unique_ptr<file_call<void>> op);
  void start(disconnect_request&& r, std::unique_ptr<plain_call<disconnect_result>> op);
  void start(end_session_request&& r, std::unique_ptr<plain_call<disconnect_result>> op);
  void start(end_tree_request&& r, std::unique_ptr<plain_call<disconnect_result>> op);
  void start(lock_query&& r, std::unique_ptr<plain_call<std::vector<listed_entry>>> op);
  void start(list_request&& r, std::unique_ptr<plain_call<listed_page>> op);
  void start(start_request&& r, std::unique_ptr<plain_call<start_result>> op);
  void start(shutdown_request&& r, std::unique_ptr<plain_call<void>> op);

  error_code add_client(const client_guid& guid, break_sink sink, std::string label,
    boost::asio::any_io_executor executor);
  error_code remove_client(const client_guid& guid);
  error_code replace_sink(
    const client_guid& guid, break_sink sink, boost::asio::any_io_executor executor);
  error_code set_label(const client_guid& guid, std::string label);
  [[nodiscard]] std::vector<listed_client> list_clients(
    std::size_t limit, const client_guid& after) const;
  error_code add_channel(const client_guid& guid, const channel_id& c, std::uint16_t dialect);
  [[nodiscard]] file_name_id file_of_lease(const client_guid& guid, const lease_key& key) const;
  [[nodiscard]] statistics stats() const;
  [[nodiscard]] settings current_settings() const { return settings_.get(); }
  settings_change change_settings(const std::function<void(settings&)>& edit);

  /// Returns whether a message to an actor is in the executor's queue until it is handled.
  [[nodiscard]] bool queues_on_executor() const noexcept { return queues_on_executor_; }

  /// Makes sure that no function of the server except handlers is called any more: neither sinks
  /// nor `on_open_lost`. Waits for such calls in progress on other threads, which may use the
  /// public object meanwhile.
  void silence() noexcept;

  /// Ends everything, without waiting for the executor. Called once, by the public object.
  void stop() noexcept;

  // -- for the actors

  [[nodiscard]] time_point now() const noexcept;
  [[nodiscard]] turn_scheduler::time_point to_steady(time_point t) const noexcept;
  [[nodiscard]] const file_policy& policy() const noexcept { return settings_.policy(); }
  /// Returns the current value of a limit for all files.
  template <class T>
  [[nodiscard]] T limit(T limits::*which) const noexcept {
    return settings_.get(which, {});
  }
  /// The shortest `break_timeout` of all shares.
  [[nodiscard]] duration shortest_break_timeout() const noexcept {
    return settings_.shortest_break_timeout();
  }
  [[nodiscard]] turn_scheduler& scheduler() noexcept { return *scheduler_; }
  [[nodiscard]] file_registry& files() noexcept { return files_; }
  [[nodiscard]] const client_table& clients() const noexcept { return clients_; }
  [[nodiscard]] path_index& paths() noexcept { return paths_; }
  [[nodiscard]] counters& count() noexcept { return counters_; }
  [[nodiscard]] bounded_total& opens() noexcept { return opens_; }
  [[nodiscard]] bounded_total& locks() noexcept { return locks_; }
  /// Slots for pending operations.
  [[nodiscard]] bounded_total& places() noexcept { return places_; }
  [[nodiscard]] bool is_stopping() const noexcept { return stopping_.load(); }
  /// Returns an error if there is no room for the records of another grant.
  [[nodiscard]] errc admit_record() const noexcept;
  void report_lost(open_lost lost);
  /// Null: events are not reported.
  [[nodiscard]] event_sink* events() const noexcept { return events_.get(); }
  [[nodiscard]] unresponsive_clients& unresponsive() noexcept { return unresponsive_; }
  void count_waiting(std::int64_t change) noexcept { waiting_.add(change); }
  void count_waiting_for_guards(std::int64_t change) noexcept { waiting_for_guards_.add(change); }
  /// Counts recovered opens whose clients have not reconnected.
  void count_unclaimed(std::int64_t change) noexcept { unclaimed_.fetch_add(change); }
  /// Counts records that are being sent to their files.
  void count_loading(std::int64_t change) noexcept { loading_.fetch_add(change); }
  /// Null: nothing is logged.
  [[nodiscard]] spdlog::logger* log() const noexcept { return logger_.get(); }
  [[nodiscard]] const std::shared_ptr<spdlog::logger>& shared_log() const noexcept {
    return logger_;
  }
  [[nodiscard]] const coordinator_config& config() const noexcept { return config_; }

  // -- for the persistence actor

  [[nodiscard]] std::unique_ptr<store_writer> make_writer() const;
  [[nodiscard]] const std::string& store_name() const noexcept { return store_name_; }
  void set_epoch(std::uint64_t epoch) noexcept;
  void set_started() noexcept { started_.store(true); }
  void set_in_grace(bool in_grace) noexcept { in_grace_.store(in_grace); }
  /// Null without a store.
  [[nodiscard]] persistence_actor* records() const noexcept { return records_.get(); }

  [[nodiscard]] std::weak_ptr<coordinator_impl> weak() { return weak_from_this(); }

  // -- in a cluster

  /// Null: not in a cluster.
  [[nodiscard]] remote_files* cluster() const noexcept { return config_.cluster.get(); }
  /// The current run; none: not a member.
  [[nodiscard]] node_id cluster_run() const noexcept { return cluster_run_.load(); }
  void join_cluster(node_id run) noexcept;
  void leave_cluster(node_id run);
  void tell(const file_name_id& file, message_ptr news);

  // -- for opens beneath a directory that is being renamed

  /// Sends an admitted open to its file, after waiting for a rename above it if there is one.
  void place_open(
    std::shared_ptr<client> owner, std::unique_ptr<file_call<open_result>> op, bool has_waited);
  /// Resumes an open that waits in a directory's file. Returns true if it has been cancelled.
  [[nodiscard]] bool leave_gate(operation_id open, operation_id waits_as, bool keeps);
  /// Cancels an open if it waits for a rename.
  void cancel_gate(operation_id open);
  /// Fails an open before it reaches its file.
  void drop_open(std::unique_ptr<file_call<open_result>> op, errc error);
  /// Sends `m`, an operation that may wait for the client, to the file.
  [[nodiscard]] bool deliver_of_client(
    const file_name_id& file, client* owner, message_ptr& m, operation::reservation& reserved);
  void place(const file_name_id& file, open_id open, std::string root, std::string path);
  /// Cancels a pending operation of the file.
  void cancel(const file_name_id& file, operation_id id);

  // -- for named streams, which are files of their own

  /// Asks the files of the streams that have an actor; `base` gets the answer as a message.
  void ask_streams(file_actor& base, const streams_asked& asked);
  /// Sends `what` to the file of a stream, where an open stands for the stream's open.
  void tell_base(const stand_in& base, command what);

  /// Files for a listing, in the order of `file_registry::ids_after`.
  [[nodiscard]] std::vector<file_name_id> ids_for(
    const lock_query& query, std::string_view after, std::size_t most) const;

private:
  [[nodiscard]] std::shared_ptr<client> owner_of(
    const client_guid& guid, plain_call<disconnect_result>& op) const;

  [[nodiscard]] errc admit() const noexcept;
  [[nodiscard]] errc admit(const file_name_id& file) const noexcept;
  [[nodiscard]] errc admit_stream(const open_request& r) const noexcept;
  [[nodiscard]] std::vector<file_ref> files_of(const lock_query& query) const;
  [[nodiscard]] bool may_have_unclaimed() const noexcept;

  /// Returns the error for something that does not exist. After a shutdown nothing exists.
  [[nodiscard]] errc unless_stopping(errc absent) const noexcept {
    return stopping_.load() ? errc::shutting_down : absent;
  }

  /// Sends `m` to the file; with `create`, to a new actor if there is none. Returns false, and `m`
  /// is unchanged, if there is none.
  [[nodiscard]] bool deliver(const file_name_id& file, message_ptr& m, bool create);
  /// The same for `op`; `absent` is the error if there is no actor.
  template <class Result>
  void send(
    const file_name_id& file, std::unique_ptr<file_call<Result>> op, bool create, errc absent);
  template <class Result>
  void send_acknowledgement(
    const file_name_id& file, std::unique_ptr<file_call<Result>> op, errc absent);
  void send_of_client(const file_name_id& file, const std::shared_ptr<client>& owner,
    std::unique_ptr<file_call<access_result>> op, bool create);
  template <class Result>
  void make_cancellable(file_call<Result>& op, const file_name_id& file);
  void send_open(
    const file_name_id& file, client& owner, std::unique_ptr<file_call<open_result>> op);

  void send_reconnect(
    const file_name_id& file, client& owner, std::unique_ptr<file_call<open_result>> op);

  std::atomic<bool> released_{false}; ///< There are no more references, and no new ones can arise.
  const boost::asio::any_io_executor executor_;
  const coordinator_config config_;
  const std::shared_ptr<time_source> time_; ///< Null: the system clock.
  const std::shared_ptr<lost_sink> lost_; ///< Null: lost opens are not reported.
  const std::unique_ptr<event_sink> events_;
  const std::shared_ptr<spdlog::logger> logger_;
  const std::string store_name_;
  const bool queues_on_executor_;
  live_settings settings_;
  counters counters_;
  unresponsive_clients unresponsive_;
  open_ids open_ids_;
  bounded_total opens_;
  bounded_total locks_;
  bounded_total places_;
  peak_gauge waiting_;
  peak_gauge waiting_for_guards_;
  std::atomic<std::int64_t> unclaimed_{0};
  std::atomic<std::int64_t> loading_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> started_{false};
  std::atomic<bool> in_grace_{false};
  std::atomic<node_id> cluster_run_{node_id::none};
  path_index paths_;
  /// An open that waits for a rename above it: the id and the directory of its wait.
  struct gate {
    operation_id waits_as{};
    file_name_id directory;
    bool is_cancelled = false;
  };
  std::mutex gates_mutex_;
  std::unordered_map<operation_id, gate> gates_;
  std::atomic<std::size_t> gates_count_{0};
  client_table clients_;
  file_registry files_;

  // Declared after everything that actors use.
  std::unique_ptr<turn_scheduler> scheduler_;
  actor_ref<persistence_actor> records_;
  turn_scheduler::time_point steady_start_;
  time_point wall_start_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
