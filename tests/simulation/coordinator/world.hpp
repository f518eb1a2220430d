// A server and its clients around a coordinator, all on one thread, and the oracles that watch
// them.
//
// The server does what docs/embedding.md asks for, and no more. Its clients cache what they may,
// write back and give up what a break takes, late or never. Whatever they read is compared with
// what was written last.
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
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace leasebreak::simulation {

/// The scene of a seed.
[[nodiscard]] scene scene_of(std::uint64_t seed);

/// Runs a scene; operations are those of the coordinator. With `keeps_history`, the result says
/// what has happened.
[[nodiscard]] outcome run(const scene& s, bool keeps_history);

/// Both for the program.
[[nodiscard]] simulation_kind coordinator_kind();

class world {
public:
  world(const scene& s, bool keeps_history);
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  outcome run();

private:
  template <class T>
  using task = asio::awaitable<T>;

  /// The server was started again meanwhile: whoever waited for it gives up.
  struct interrupted {};

  /// Who caches: a lease by client and key, which is never used for another lease again, or an
  /// oplock by its open.
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

  /// What a client caches of a file.
  struct cache {
    inode file = 0;
    lease_state state{}; ///< What the client believes.
    lease_state told{}; ///< What it will believe when all that is under way has arrived.
    std::optional<std::uint64_t> data;
    bool is_dirty = false;
    std::uint16_t epoch = 0; ///< V2: of the newest that it was told.
    bool is_v2 = false;
    std::uint64_t heard = 0; ///< Which of all messages was the newest to arrive.
    std::uint64_t drops = 0; ///< Messages under way that take Read.
    std::map<break_id, awaited> breaks;
    std::uint64_t answering = 0; ///< Acknowledgements under way.
    std::map<break_id, connection_id> lost; ///< Breaks, with which connection.
    std::set<break_id> expected; ///< Of them those that are to be told again by now.
    bool is_excused = false; ///< Something for it was lost with a connection, or comes too late.
  };

  /// An open, as the server knows it.
  struct handle {
    std::size_t client = 0;
    connection_id connection{};
    session_id session{};
    tree_id tree{};
    cache_name name;
    inode file = 0;
    std::string path;
    span moved = span::min(); ///< When it was renamed last.
    std::uint32_t access = 0;
    std::optional<lease_request> lease;
    oplock_level oplock{};
    bool is_durable = false;
    bool is_persistent = false;
    create_guid guid;
    bool is_told = false; ///< Its answer has arrived.
    bool is_closing = false; ///< Its CLOSE is under way.
    bool is_gone = false; ///< Out of its client's reach: closed, or its connection is lost.
    bool is_detached = false; ///< Kept without a connection.
    std::uint64_t reconnects = 0; ///< Under way.
    std::vector<std::pair<byte_range, bool>> locks; ///< True: exclusive.
  };

  /// A connection.
  struct link {
    connection_id id{};
    std::size_t client = 0;
    session_id session{};
    bool is_up = true; ///< For the client.
    bool is_known = true; ///< The server has not heard of its loss.
    struct message {
      std::function<void()> arrives;
      std::function<void()> is_lost;
    };
    std::deque<message> under_way;
    span last_arrival{};
  };

  struct peer {
    client_guid guid;
    std::vector<link*> links; ///< Null: none at the moment.
    bool has_sessions = true;
    bool shares_session = false; ///< Its connections are channels of one session.
    bool is_silent = false; ///< Answers no breaks.
    bool is_registered = false;
  };

  struct create {
    std::size_t client = 0;
    link* on = nullptr;
    std::string path;
    open_request ask;
  };

  /// A request of a client that changes directories: the client hears of these changes behind the
  /// response, or at once if there will be none.
  struct exchange {
    exchange(world& in, const handle& of) : w(in), client(of.client), on(of.connection) {}
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;
    ~exchange() { w.end(*this); }

    world& w;
    std::size_t client;
    connection_id on;
    std::vector<std::uint64_t> changes;
    std::vector<pending_answer> answers;
  };

  static constexpr std::size_t no_client = ~std::size_t{0};

  /// A change of a directory that its client has not been told of.
  struct own_change {
    std::size_t client = 0;
    inode directory = 0;
    span since{};
    time_point issued; ///< Breaks that it causes are not older.
    bool joins = false; ///< A break in progress or already told tells of it.
  };

  template <class Result>
  struct answer {
    errc error = errc::success;
    Result value{};
  };
  struct nothing {};

  // world.cpp: life
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

  /// Has the coordinator do something, and waits for it.
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
  void check_grant(const handle& h, const open_result& granted);
  void check_break(const cache_name& name, const break_notification& n);
  void check_lock(open_id id, const byte_range& range, bool exclusive);
  [[nodiscard]] lease_state held(const cache& c) const;
  [[nodiscard]] std::string describe(const cache_name& name) const;

  // wire.cpp: connections, and what is under way to the clients
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
  void register_client(std::size_t who);

  // client.cpp: what clients make of it
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

  // server.cpp: what the server does
  [[nodiscard]] create random_create(const step& s);
  task<void> open(create what);
  task<bool> open_once(create what);
  task<std::optional<bool>> same_name(const create& what, inode file, entry_guard& guard);
  task<void> send_answer(open_id id, connection_id on, open_result granted);
  task<void> close(open_id id, bool keep);
  task<void> carry_out_deletion(inode file, std::string path, std::vector<deleted_name> names,
    hold h, std::optional<lease_key> parent, exchange* by = nullptr);
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
  std::set<connection_id> ended_connections_; ///< Of which the coordinator has said what is left.
  std::map<cache_name, span>
    early_breaks_; ///< Told before the answer that grants, which was overdue.
  std::set<cache_name> known_; ///< Of which a client was told once.
  std::map<open_id, span> answers_held_; ///< Since when.
  /// With the run of the server that they are of. A crash ends guards before their coroutines know.
  std::multiset<std::pair<std::uint64_t, std::string>> renamed_trees_; ///< Whose guards live.
  std::set<std::pair<inode, std::string>> guarded_;
  std::map<std::uint64_t, own_change> own_changes_; ///< Whose responses are not sent.
  std::uint64_t last_change_ = 0;
  struct change_times {
    std::uint64_t in_flight = 0;
    span last{};
  };
  /// Changes of directories, by directory and client; `no_client` for none.
  std::map<std::pair<inode, std::size_t>, change_times> changes_;
  std::map<lease_key, cache_name> names_;
  std::uint64_t last_connection_ = 0;
  std::uint64_t last_session_ = 0;
  std::uint64_t last_key_ = 0;
  std::uint64_t last_message_ = 0;
  std::map<std::pair<std::size_t, std::uint16_t>, lease_key> current_keys_;
  std::map<lease_key, std::size_t> key_uses_; ///< Opens and CREATEs under way.
  coordinator_config config_;
  bool is_ending_ = false;
  bool is_started_ = false;
  bool is_stopping_ = false;
  bool holds_answers_ = false;
  std::uint64_t run_ = 0; ///< Counts the starts of the server.
  std::size_t tasks_ = 0;
  std::shared_ptr<memory_store> store_;
  loop loop_; ///< Before what is destroyed with its handlers.
  std::shared_ptr<detail::time_source> clocks_;
  std::unique_ptr<coordinator> coordinator_;
};

} // namespace leasebreak::simulation
