// A server and its clients around a coordinator, on one thread, and the oracles that watch them.
//
// The server does what docs/embedding.md requires, and no more. Its clients cache what their leases
// permit. They write back and release what a break takes away, late or never. Everything they read
// is compared with the last write.
#pragma once

#include "disk.hpp"
#include "ledger.hpp"
#include "loop.hpp"
#include "scene.hpp"

#include <leasebreak/coordinator.hpp>
#include <leasebreak/persistence/memory_store.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace leasebreak::simulation {

/// Makes the scene of a seed.
[[nodiscard]] scene scene_of(std::uint64_t seed);

/// Runs a scene. `outcome::operations` counts the coordinator's operations. With `keeps_history`,
/// the outcome contains the history.
[[nodiscard]] outcome run(const scene& s, bool keeps_history);

/// Both functions, for the program.
[[nodiscard]] simulation_kind coordinator_kind();

/// One run of a scene: all that exists in it, and what its oracles know.
class coordinator_run {
public:
  coordinator_run(const scene& s, bool keeps_history);
  ~coordinator_run();
  coordinator_run(const coordinator_run&) = delete;
  coordinator_run& operator=(const coordinator_run&) = delete;

  outcome run();

private:
  template <class T>
  using task = asio::awaitable<T>;

  /// Thrown in coroutines of an earlier run of the server: they end.
  struct interrupted {};

  /// The holder of a cache: a lease by client and key, or an oplock by its open. A key is not
  /// reused for another lease.
  struct cache_name {
    std::size_t client = 0;
    lease_key key;
    open_id open{};
    friend auto operator<=>(const cache_name&, const cache_name&) = default;
  };

  /// A break that awaits its acknowledgement.
  struct awaited {
    span told{};
    lease_state from{};
    lease_state to{};
  };

  /// The cache of a client for a file.
  struct cache {
    inode file = 0;
    lease_state state{}; ///< What the client believes.
    lease_state told{}; ///< What the client will believe when all messages in flight have arrived.
    std::optional<std::uint64_t> data;
    bool is_dirty = false;
    std::uint16_t epoch = 0; ///< V2: the newest epoch that the client was told.
    bool is_v2 = false;
    std::uint64_t heard = 0; ///< The number of the newest message that has arrived.
    std::uint64_t drops = 0; ///< Messages in flight that take Read away.
    std::map<break_id, awaited> breaks;
    std::uint64_t answering = 0; ///< Acknowledgements in flight.
    std::map<break_id, connection_id> lost; ///< Breaks that were lost, with their connection.
    std::set<break_id> expected; ///< Those of `lost` that must have been sent again by now.
    bool is_excused = false; ///< A message to the holder was lost with a connection, or is overdue.
  };

  /// An open, from the server's view.
  struct handle {
    std::size_t client = 0;
    connection_id connection{};
    session_id session{};
    tree_id tree{};
    cache_name name;
    inode file = 0;
    std::string path;
    span moved = span::min(); ///< The time of the last rename.
    std::uint32_t access = 0;
    std::optional<lease_request> lease;
    oplock_level oplock{};
    bool is_durable = false;
    bool is_persistent = false;
    create_guid guid;
    bool is_told = false; ///< Its answer has arrived.
    bool is_closing = false; ///< Its CLOSE is in flight.
    bool is_gone = false; ///< Unusable for its client: closed, or without a connection.
    bool is_detached = false; ///< Kept without a connection.
    std::uint64_t reconnects = 0; ///< Reconnects in flight.
    std::vector<std::pair<byte_range, bool>>
      locks; ///< The second member is true for an exclusive lock.
  };

  /// A connection.
  struct link {
    connection_id id{};
    std::size_t client = 0;
    session_id session{};
    bool is_up = true; ///< From the client's view.
    bool is_known = true; ///< The server has not noticed its loss.
    struct message {
      std::function<void()> arrives;
      std::function<void()> is_lost;
    };
    std::deque<message> under_way;
    span last_arrival{};
  };

  /// The calls of a client's sinks that another executor has not made yet.
  struct late_calls {
    bool are_held = false;
    std::vector<std::function<void()>> calls;
  };

  struct peer {
    client_guid guid;
    std::vector<link*> links; ///< Null for a slot without a connection.
    bool has_sessions = true;
    bool shares_session = false; ///< Its connections are channels of one session.
    bool is_silent = false; ///< Does not acknowledge breaks.
    bool is_registered = false;
    std::uint64_t sinks = 0; ///< The number of its current sink.
    std::shared_ptr<late_calls> late = std::make_shared<late_calls>();
  };

  struct create {
    std::size_t client = 0;
    link* on = nullptr;
    std::string path;
    open_request ask;
  };

  /// A client's request that changes directories. The client is notified of these changes after the
  /// response, or at once if no response will be sent.
  struct exchange {
    exchange(coordinator_run& in, const handle& of) : w(in), client(of.client), on(of.connection) {}
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;
    ~exchange() { w.end(*this); }

    coordinator_run& w;
    std::size_t client;
    connection_id on;
    std::vector<std::uint64_t> changes;
    std::vector<pending_answer> answers;
  };

  static constexpr std::size_t no_client = ~std::size_t{0};

  /// A change of a directory whose client was not notified yet.
  struct own_change {
    std::size_t client = 0;
    inode directory = 0;
    span since{};
    time_point issued; ///< Breaks that the change causes are not older.
    bool joins = false; ///< A break in progress, or one that was already sent, covers the change.
    bool is_urgent = false; ///< An operation has waited since, maybe for a break of the change.
  };

  template <class Result>
  struct answer {
    errc error = errc::success;
    Result value{};
  };
  struct nothing {};

  // coordinator_run.cpp: start, stop and crash
  void complain(std::string what);
  void note(const std::string& what);
  void start_server();
  void stop_server(bool in_order);
  [[nodiscard]] std::shared_ptr<memory_store> copy_of_store() const;
  void take_back(const start_result& found);
  void end();
  void check_nothing_is_left();
  void spawn(task<void> what);
  task<void> sleep(span d);
  [[nodiscard]] span delay();
  [[nodiscard]] coordinator& c() { return *coordinator_; }

  /// Starts an operation of the coordinator, and waits for its completion.
  template <class Result, class Request>
  task<answer<Result>> ask(Request request, patience p, std::string what);

  // oracles.cpp
  void check_quiet();
  void check_data(const cache_name& name, const cache& c);
  void check_pairs();
  [[nodiscard]] bool is_kept_back(inode file) const;
  [[nodiscard]] bool is_held_back(const cache_name& name) const;
  [[nodiscard]] bool is_behind_change(const cache_name& name, inode directory) const;
  void check_told_again(const cache_name& name, cache& c);
  void check_own_change(const cache_name& name, const break_notification& n);
  [[nodiscard]] bool may_be_told_now(const cache_name& name, const own_change& own);
  void note_urgent_changes();
  void check_grant(const handle& h, const open_result& granted);
  void check_break(const cache_name& name, const break_notification& n);
  void check_lock(open_id id, const byte_range& range, bool exclusive);
  [[nodiscard]] lease_state held(const cache& c) const;
  [[nodiscard]] std::string describe(const cache_name& name) const;

  // wire.cpp: connections, and messages in flight to the clients
  void connect(std::size_t who, std::size_t slot);
  void cut(link& l);
  task<void> connection_lost(std::size_t who, connection_id connection);
  void expect_again(std::size_t who, connection_id connection);
  void gone(const std::function<bool(const handle&)>& which, const disconnect_result& r);
  void put(link& l, std::function<void()> arrives, std::function<void()> is_lost);
  void arrive(link& l);
  [[nodiscard]] link* find(connection_id id);
  [[nodiscard]] bool reaches(const handle& h);
  void lose_reach();
  void on_break(std::size_t who, const break_notification& n, const break_report& report);
  [[nodiscard]] cache_name name_of(std::size_t who, const break_notification& n) const;
  boost::asio::any_io_executor executor_of_sinks(std::size_t who);
  void make_late_calls(std::size_t who);
  break_sink new_sink(std::size_t who);
  void register_client(std::size_t who);

  // client.cpp: how clients react to messages
  [[nodiscard]] bool told(open_id id, const open_result& granted);
  void believe(open_id id, lease_state state, std::uint64_t message, bool counts);
  void obey(const cache_name& name, const break_notification& n, std::uint64_t message);
  task<void> answer_break(cache_name name, break_notification n);
  task<void> write_back(cache_name name);
  void break_expires(const cache_name& name, break_id id, span told);
  void expire_breaks();
  void forget(const cache_name& name);
  void forget_dirty(cache& c);
  void read(open_id id, const byte_range& range);

  // server.cpp: requests in the server
  [[nodiscard]] create random_create(const step& s);
  task<void> open(create what);
  task<bool> open_once(create what);
  task<std::optional<bool>> same_name(const create& what, inode file, entry_guard& guard);
  task<void> send_answer(open_id id, connection_id on, open_result granted);
  task<void> close(open_id id, bool keep);
  task<void> carry_out_deletion(inode file, std::string path, std::vector<deleted_name> names,
    hold h, std::optional<lease_key> parent, exchange* by = nullptr);
  [[nodiscard]] std::map<cache_name, cache>::iterator cache_of(const cache_name& name, inode file);
  task<void> write(open_id id);
  task<void> read_through(open_id id, byte_range range);
  task<void> write_without_open();
  task<void> read_without_open(inode file);
  task<void> lock(open_id id, byte_range range, bool exclusive, bool waits);
  task<void> unlock(open_id id, byte_range range);
  task<void> rename(open_id id, std::string to);
  task<void> make_directory(std::string path);
  task<void> rename_directory(std::size_t who, std::string from, std::string to);
  task<void> set_delete(open_id id, bool set);
  task<void> children_changed(inode directory, exchange* by = nullptr);
  task<void> respond(exchange& e);
  void end(exchange& e);
  [[nodiscard]] bool is_breaking(std::size_t client, inode file) const;
  task<void> force(inode file, lease_state keep);
  task<void> reconnect(open_id id, link* on);
  task<void> replay(open_id id, link* on);
  task<void> end_session(std::size_t who, session_id session, tree_id tree);
  task<void> leave_and_return(std::size_t who);
  task<void> list();
  task<answer<entry_guard>> guard(inode directory, std::string name, std::string also = {});
  void was_renamed(const std::string& from, const std::string& to);
  void forget_open(open_id id);

  // steps.cpp
  void perform(const step& s);
  [[nodiscard]] std::optional<open_id> pick(
    std::uint16_t n, std::uint32_t access = 0, bool of_file = false) const;
  [[nodiscard]] link* pick_link(std::uint16_t n);
  void restart(const step& s);

  const scene& scene_;
  const bool keeps_history_;
  std::vector<std::string> problems_;
  std::vector<std::string> history_;
  random_source random_;
  ledger ledger_;
  disk disk_;
  std::vector<peer> clients_;
  std::vector<std::unique_ptr<link>> links_;
  std::map<open_id, handle> opens_;
  std::map<cache_name, cache> caches_;
  std::set<connection_id>
    ended_connections_; ///< Those whose remaining opens the coordinator has reported.
  std::set<open_id> kept_; ///< Opens that the coordinator kept at the end of their connection.
  std::set<open_id> lost_; ///< Opens that were reported as lost before their handlers ran.
  std::map<cache_name, span>
    early_breaks_; ///< Sent before the overdue answer that grants the lease.
  std::set<cache_name> known_; ///< Those that a client was told of.
  std::map<open_id, span> answers_held_; ///< With the time of the grant.
  /// With the run of the server to which they belong: a crash ends guards before their coroutines
  /// notice it.
  struct renamed_tree {
    std::uint64_t run = 0;
    std::string path;
    span asked{}; ///< When its rename was asked for.
  };
  std::list<renamed_tree> renamed_trees_; ///< Those with a live guard.
  std::map<inode, span> moved_; ///< When each file was renamed last.
  std::set<std::pair<inode, std::string>> guarded_;
  std::map<std::uint64_t, own_change> own_changes_; ///< Those whose responses were not sent yet.
  std::uint64_t last_change_ = 0;
  struct change_times {
    std::uint64_t in_flight = 0;
    span last{};
  };
  /// Changes of directories by directory and client; `no_client` for changes by no client.
  std::map<std::pair<inode, std::size_t>, change_times> changes_;
  std::map<lease_key, cache_name> names_;
  std::uint64_t last_connection_ = 0;
  std::uint64_t last_session_ = 0;
  std::uint64_t last_key_ = 0;
  std::uint64_t last_message_ = 0;
  std::map<std::pair<std::size_t, std::uint16_t>, lease_key> current_keys_;
  std::map<lease_key, std::size_t> key_uses_; ///< Opens, and CREATEs in flight.
  coordinator_config config_;
  bool is_ending_ = false;
  bool is_started_ = false;
  bool is_stopping_ = false;
  bool holds_answers_ = false;
  bool defers_sinks_ = false;
  boost::asio::execution_context other_context_; ///< Where sinks are called that are deferred.
  std::uint64_t run_ = 0; ///< Counts the server's starts.
  std::size_t tasks_ = 0;
  std::shared_ptr<memory_store> store_;
  loop loop_; ///< Declared before everything that its handlers own.
  std::unique_ptr<coordinator> coordinator_;
};

} // namespace leasebreak::simulation
