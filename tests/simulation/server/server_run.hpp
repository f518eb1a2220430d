// The example server and its clients on one thread, starting from the bytes of a frame, and the
// oracles that watch them.
#pragma once

#include "contents.hpp"
#include "disk.hpp"
#include "link.hpp"
#include "machine.hpp"
#include "scene.hpp"

#include <smb_server/server.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace leasebreak::smb::simulation {

using leasebreak::simulation::outcome;
using leasebreak::simulation::scene;
using leasebreak::simulation::step;

/// Makes the scene of a seed.
[[nodiscard]] scene scene_of(std::uint64_t seed);

/// The names of directories, and of files. The same files may be in each directory.
inline constexpr std::array<const char*, 2> directory_names{"x", "y"};
inline constexpr std::array<const char*, 7> file_names{"a", "b", "c", "x/a", "x/b", "y/a", "y/b"};

/// The body of a SET_INFO that renames what is open and replaces nothing.
[[nodiscard]] byte_vector rename_body(const file_id& id, const std::string& to);

/// Runs a scene. `outcome::operations` counts the clients' operations. With `keeps_history`, the
/// outcome contains the history.
[[nodiscard]] outcome run(const scene& s, bool keeps_history);

/// Both functions, for the program.
[[nodiscard]] leasebreak::simulation::simulation_kind server_kind();

/// What a step does.
enum class action : std::uint8_t {
  create,
  close,
  read,
  write,
  lock,
  rename,
  link,
  set_deletion,
  write_at_one_go,
  delete_at_one_go,
  cancel,
  cut,
  connect,
  log_off,
};

/// Returns what an oplock's holder may cache, as a lease state.
[[nodiscard]] std::uint32_t state_of_level(std::uint32_t level);

/// Whether there is a response, and it reports success.
[[nodiscard]] bool is_good(const answered& a);

/// The status of a response for messages.
[[nodiscard]] std::string status_text(const answered& a);

/// One run of a scene: all that exists in it, and what its oracles know.
class server_run final : public link_watcher {
public:
  server_run(const scene& s, bool keeps_history);
  ~server_run() override;

  outcome run();

  void complain(std::string what) override;
  void note(std::string what) override;

private:
  static constexpr std::size_t clients_count = 3;

  /// Maximum time until the server notices that a connection is gone.
  static constexpr span cut_unnoticed_max = std::chrono::seconds{100};

  /// An open, from its client's view.
  struct handle {
    std::uint64_t number = 0;
    std::size_t client = 0;
    session_ptr in; ///< Null while the session is lost and the open may be reconnected.
    span since{}; ///< When its client learned of it.
    file_id id;
    std::uint64_t file = 0; ///< Its number on the disk; with `stream_bit` if a stream is open.
    std::string name; ///< The name that it was opened by.
    guid key{}; ///< The lease key; zero without a lease.
    std::optional<guid> create_guid; ///< Set for a durable open.
    std::uint8_t lease_version = 0;
    bool is_closing = false;
    bool is_directory = false;
    bool is_name_known = true; ///< False after a rename without a response.
    [[nodiscard]] bool is_stream() const noexcept { return (file & stream_bit) != 0; }
    /// The number on the disk, also if a stream is open.
    [[nodiscard]] std::uint64_t base() const noexcept { return file & ~stream_bit; }
  };
  using handle_ptr = std::shared_ptr<handle>;

  /// A lease by its client and key, or an oplock by its open.
  using cache_name = std::tuple<std::size_t, guid, std::uint64_t>;

  /// What a client has read and may read again from its cache.
  struct cache {
    std::uint64_t file = 0;
    std::uint32_t state = 0; ///< The state on the wire, as the server has sent it.
    std::optional<std::uint64_t> value;
    std::optional<std::set<std::string>> listing; ///< Of a directory.
    std::optional<span> outdated; ///< Since when the directory has other entries.
    std::uint64_t tellings = 0; ///< Counts breaks, and the client's own writes.
    std::optional<span> asked; ///< When the server asked for an acknowledgement.
    std::uint32_t asked_to = 0; ///< Of which state.
    void drop() {
      value.reset();
      listing.reset();
      outdated.reset();
    }
  };

  /// A break notification that the server has put on a wire.
  struct notice {
    cache_name of;
    byte_vector body;
    span at{};
    link_ptr on;
    bool has_arrived = false; ///< It, or a later one or response that says the same.
    bool may_come_again = false; ///< The server has granted the state again.
  };

  /// The parameters of a CREATE.
  struct wish {
    std::string name;
    disposition how = disposition::open_if;
    std::uint32_t access = 0;
    std::uint32_t share = 7;
    std::uint32_t options = 0;
    std::uint8_t oplock = 0;
    guid key{};
    std::uint8_t lease_version = 0;
    std::uint32_t lease_state = 0;
    std::optional<guid> create_guid;
    bool is_directory = false;
    [[nodiscard]] bool truncates() const noexcept;
    /// The name without that of a stream.
    [[nodiscard]] std::string base() const { return name.substr(0, name.find(':')); }
    [[nodiscard]] bool is_stream() const noexcept { return name.find(':') != std::string::npos; }
    [[nodiscard]] bool deletes() const noexcept {
      return (options & create_option::delete_on_close) != 0;
    }
  };

  struct client {
    guid id{};
    terms version_3; ///< Of its sessions with dialects of version 3.
    std::size_t channels = 1; ///< How many connections it wants for such a session.
    session_ptr in; ///< The newest session; null before the first.
    std::map<std::string, guid> keys; ///< By name, the lease keys used last.
  };

  // -- the scene (steps.cpp) ----------------------------------------------------------------------
  void act(const step& s);
  void act_on_file(action what, const link_ptr& l, const handle_ptr& h, const step& s);
  [[nodiscard]] wish wish_of(std::size_t client, const step& s);
  [[nodiscard]] asked create_of(const wish& w) const;
  [[nodiscard]] handle_ptr pick(std::size_t client, std::uint16_t n);
  task<void> create(link_ptr l, wish w);
  task<void> close(link_ptr l, handle_ptr h);
  task<void> read(link_ptr l, handle_ptr h);
  task<void> write(link_ptr l, handle_ptr h);
  task<void> lock(link_ptr l, handle_ptr h, std::uint16_t n);
  task<void> move(link_ptr l, handle_ptr h, std::string to, bool replaces, bool links);
  task<void> set_disposition(link_ptr l, handle_ptr h, bool deletes);
  task<void> write_at_one_go(link_ptr l, wish w);
  task<void> delete_at_one_go(link_ptr l, std::string name);
  [[nodiscard]] static byte_vector reconnect_body(const handle& h);
  void cancel(link& l, std::uint16_t n);

  // -- connections and sessions (channels.cpp) ----------------------------------------------------
  void choose_terms(client& c);
  [[nodiscard]] std::vector<link_ptr> channels_of(
    const client_session& s, std::size_t credits) const;
  [[nodiscard]] link_ptr channel_of(
    const client_session& s, std::uint64_t n, std::size_t credits) const;
  void connect(std::size_t client, const step& s);
  link_ptr open_link(const session_ptr& of);
  void bind(const session_ptr& s);
  task<bool> negotiate(link_ptr l);
  task<answered> log_on(link_ptr l, std::uint8_t flags);
  task<void> set_up(link_ptr l);
  task<void> set_up_channel(link_ptr l);
  void abandon(client_session& s);
  void on_ended(link& l) override;
  void cut(std::size_t client, const step& s);
  task<answered> call_again(link_ptr l, asked what);
  /// Not a coroutine, like that of `link`.
  [[nodiscard]] task<answered> call_again(
    const link_ptr& l, command c, byte_vector body, std::string what);
  task<void> acknowledge(session_ptr s, byte_vector body, span after);
  task<void> log_off(link_ptr l);
  task<void> take_back(link_ptr l, handle_ptr h);

  // -- directories (directories.cpp) --------------------------------------------------------------
  void act_on_directory(const link_ptr& l, const handle_ptr& h, const step& s);
  void make_directory_wish(wish& w, const step& s) const;
  task<void> list(link_ptr l, handle_ptr h);
  task<void> move_directory(link_ptr l, handle_ptr h);
  [[nodiscard]] std::set<std::uint64_t> files_beneath(const std::string& directory) const;
  void check_listings();

  // -- observations (oracles.cpp) -----------------------------------------------------------------
  void on_written(link& l, const answer& a) override;
  void see_created(const link& l, const answer& a, const file_id& id);
  handle_ptr opened(const link_ptr& l, const wish& w, const answer& a, span since);
  void see_truncation(const handle& h, moment began);
  void forget(const handle_ptr& h);
  void distrust(const cache_name& name);
  void check_name(const std::string& name, std::uint64_t file, span since, const char* what);
  void check_quiet();
  void check_times();
  void check_caches();
  void check_gone(std::uint64_t file);
  [[nodiscard]] span shortly_before(span sent) const;
  [[nodiscard]] bool is_held_back(const cache_name& name) const;
  [[nodiscard]] cache_name cache_of(const handle& h) const;
  void see_read(const handle_ptr& h, const answered& a, moment began, std::uint64_t tellings);
  void doom(const std::string& name, bool for_good = false);
  void doom_open(const handle& h);

  // -- break notifications (breaks.cpp) -----------------------------------------------------------
  void see_break(const answer& a, link& l);
  void on_break(link& l, const answer& a) override;
  void see_notice(const cache_name& of, link& l, const answer& a);
  void see_arrived(const cache_name& of, span at);
  void check_notices();

  // -- start and end (server_run.cpp) -------------------------------------------------------------
  void spawn(task<void> what);
  void run_until_started();
  void end();
  void stop();
  void check_nothing_is_left();
  void check_disk();

  scene scene_;
  bool keeps_history_;
  random_source random_;
  outcome result_;
  loop loop_;
  simulated_machine machine_;
  server_options options_;
  std::unique_ptr<server> server_;
  std::size_t descriptors_before_ = 0;
  bool is_started_ = false;
  bool is_ending_ = false;
  span last_cut_{-std::chrono::hours{1}}; ///< The time of the last cut.
  bool is_stopped_ = false;
  std::uint64_t tasks_ = 0;
  moment last_moment_ = 0;
  std::uint64_t last_number_ = 0;

  std::array<client, clients_count> clients_;
  std::vector<link_ptr> links_;
  std::vector<handle_ptr> handles_;
  std::map<cache_name, cache> caches_;
  std::vector<notice> notices_;
  std::map<guid, std::uint64_t> created_; ///< Opens by the CreateGuids of their CREATEs.
  std::set<guid> known_creates_; ///< Those whose response a client has received.
  std::set<cache_name> told_; ///< Caches that an answer has granted.
  std::multiset<cache_name> asking_; ///< Those that a CREATE in progress asks for.
  std::set<cache_name> excused_; ///< Caches that a lost answer may have granted.
  contents contents_;
  std::set<std::uint64_t> files_; ///< All files that were seen.
  std::set<std::uint64_t> doomed_; ///< Files that a client tried to delete or replace.
  std::set<std::string> doomed_names_;
  std::set<std::uint64_t> deleted_; ///< Files whose deletion was requested and granted.
  std::set<std::uint64_t> spared_; ///< Files that a client tried to keep or to give another name.
};

} // namespace leasebreak::smb::simulation
