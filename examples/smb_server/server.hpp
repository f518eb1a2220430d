// The server: what all connections share, the listener, and the orderly stop.
#pragma once

#include <smb_server/auth/accounts.hpp>
#include <smb_server/net/company.hpp>
#include <smb_server/notify/directory_watches.hpp>
#include <smb_server/opens/kept_opens.hpp>
#include <smb_server/opens/open_paths.hpp>
#include <smb_server/options.hpp>
#include <smb_server/requests/interim_timer.hpp>
#include <smb_server/runtime/runtime.hpp>
#include <smb_server/runtime/timer.hpp>
#include <smb_server/session/client_registry.hpp>
#include <smb_server/session/connection_shares.hpp>
#include <smb_server/session/session.hpp>
#include <smb_server/session/user_shares.hpp>

#include <leasebreak/coordinator.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <spdlog/logger.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leasebreak::smb {

class connection;
class cluster_membership;

/// An option that differs from the one before. Passwords are not shown.
struct option_change {
  std::string text; ///< For the log.
  bool needs_restart = false; ///< It is not in use.
  bool is_logged = false; ///< The coordinator has logged it.
};

/// Owns everything but what it runs on. Members may be used from any thread.
class server {
public:
  /// Opens shares, store and credentials. Throws `std::runtime_error`, with words for the user, if
  /// one of them cannot be had. Call it before the event loop's threads start.
  server(runtime& on, server_options options, std::shared_ptr<spdlog::logger> logger);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Takes its port, recovers what the store has, and listens. Throws `std::runtime_error`, with
  /// words for the user, of which `boost::system::system_error` is one.
  boost::asio::awaitable<void> start();

  /// Ends all connections, and stops the coordinator.
  boost::asio::awaitable<void> stop();

  /// After `start`.
  [[nodiscard]] boost::asio::ip::tcp::endpoint endpoint() const {
    return listener_->local_endpoint();
  }

  [[nodiscard]] runtime& runs_on() const noexcept { return runtime_; }
  [[nodiscard]] const server_options& options() const noexcept { return options_; }
  [[nodiscard]] spdlog::logger& log() const noexcept { return *logger_; }
  /// Null: no cluster.
  [[nodiscard]] const std::shared_ptr<cluster_membership>& membership() const noexcept {
    return membership_;
  }
  [[nodiscard]] leasebreak::coordinator& coordinator() noexcept { return *coordinator_; }
  [[nodiscard]] client_registry& clients() noexcept { return *clients_; }
  /// The way of events to the service for operators; null without one.
  [[nodiscard]] const std::shared_ptr<void>& events() const noexcept { return events_; }
  [[nodiscard]] kept_opens& kept() noexcept { return kept_; }
  [[nodiscard]] directory_watches& watches() noexcept { return watches_; }
  [[nodiscard]] open_paths& paths() noexcept { return paths_; }

  /// The connections of a client that may share sessions. Those of a new group are where the first
  /// one is.
  [[nodiscard]] channel_group_ptr group_of(
    const leasebreak::client_guid& client, const boost::asio::any_io_executor& of_first);
  [[nodiscard]] user_shares& users() noexcept { return users_; }
  [[nodiscard]] company& company_of_connections() noexcept { return company_; }
  /// Those of the loop with this executor.
  [[nodiscard]] interim_timer& interims(const boost::asio::any_io_executor& loop) noexcept;
  [[nodiscard]] const vfs::worker_pool& workers() const noexcept { return *workers_; }
  /// Those of now; a logon keeps those with which it began.
  [[nodiscard]] std::shared_ptr<const account_list> accounts() const;

  /// Puts options into use that can change while it runs: users, shares, the coordinator's settings
  /// and the log level. Sessions and tree connects go on as they are. Returns what has changed, and
  /// what else is different and needs a restart. Throws `std::exception`, with words for the user,
  /// if the options cannot be used; then nothing has changed. Not concurrently with itself.
  std::vector<option_change> change_options(const server_options& wanted);

  /// The name that it tells clients, which is the host's.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// The mechanisms that NEGOTIATE's response offers (MS-SPNG 2.2.1).
  [[nodiscard]] const byte_vector& offered_mechanisms() const noexcept {
    return offered_mechanisms_;
  }
  [[nodiscard]] const guid& id() const noexcept { return id_; }

  /// The SecurityMode that NEGOTIATE answers (MS-SMB2 3.3.5.4).
  [[nodiscard]] std::uint16_t signing_mode() const noexcept;
  [[nodiscard]] std::uint64_t start_time() const noexcept { return start_time_; }

  /// Whether a share's opens may be persistent.
  [[nodiscard]] bool is_continuously_available() const noexcept { return persistent_; }

  /// By name, ASCII letters in either case; null if there is none.
  [[nodiscard]] std::shared_ptr<const served_share> find_share(const std::string& name) const;

  std::uint64_t next_file_id() noexcept { return ++last_file_id_; }

  /// Deletes a file whose last open ended before its client got the response; no other open can
  /// delete it.
  boost::asio::awaitable<void> delete_unopened(file_to_delete f);

  /// Ends the server's part of an open that the coordinator has ended, and deletes its file if that
  /// is due. The open must be in no table.
  boost::asio::awaitable<void> finish_lost(open_ptr o, open_lost lost);

  /// Ends all connections, and refuses further ones until `serve_again`. For a server that has left
  /// its cluster: clients must not use their caches any longer.
  void stop_serving(const std::string& why);
  void serve_again();

  /// A connection has its first session.
  void logged_on(connection_id id);

  /// Gives a new session its id, and remembers it (GlobalSessionTable).
  void add_session(const session_ptr& s);
  void remove_session(std::uint64_t id);

  /// Null if there is none.
  [[nodiscard]] session_ptr find_session(std::uint64_t id) const;

private:
  using share_map = std::map<std::string, std::shared_ptr<const served_share>>; // in lower case

  boost::asio::awaitable<void> listen();
  boost::asio::awaitable<boost::system::error_code> accept_one();
  boost::asio::awaitable<void> serve(std::shared_ptr<connection> c);
  bool admit(const std::shared_ptr<connection>& c, const boost::asio::ip::address& address);
  void forget(connection_id id);
  void trim_memory_soon();
  bool replace(const std::shared_ptr<connection>& by);
  boost::asio::awaitable<void> end_lost(open_lost lost);
  boost::asio::awaitable<void> end_kept();
  boost::asio::awaitable<void> end_kept(open_ptr o);
  boost::asio::awaitable<bool> end_superseded(open_lost& lost);
  boost::asio::awaitable<open_ptr> open_to_delete(
    file_name_id file, std::vector<deleted_name> names);
  boost::asio::awaitable<open_ptr> reopen(const recovered_open& from);
  boost::asio::awaitable<void> recover(std::vector<recovered_open> opens);
  void keep_within_descriptors();
  struct wanted_shares;
  [[nodiscard]] vfs::share_ptr open_root(const share_definition& s, const share_map& others) const;
  void add_share(share_map& to, const share_definition& s, const share_map& before) const;
  [[nodiscard]] share_map shares() const;
  [[nodiscard]] wanted_shares change_shares(
    const server_options& wanted, std::vector<option_change>& changes) const;
  void use(wanted_shares shares, std::shared_ptr<const account_list> accounts);
  void open_coordinator();
  [[nodiscard]] std::vector<std::shared_ptr<connection>> all_connections();
  void bind();

  runtime& runtime_;
  server_options options_;
  std::shared_ptr<spdlog::logger> logger_;
  std::string name_;
  byte_vector offered_mechanisms_;
  std::unique_ptr<vfs::worker_pool> workers_;
  vfs::share_options vfs_options_;
  server_options in_use_; ///< With what `change_options` has changed, which alone uses it.
  kept_opens kept_;
  directory_watches watches_;
  open_paths paths_;
  user_shares users_;
  company company_{options_.limits.company_time};
  std::vector<std::pair<boost::asio::any_io_executor, std::unique_ptr<interim_timer>>>
    interims_; ///< One for each loop, that of the main loop first.
  std::shared_ptr<cluster_membership> membership_; ///< Null: no cluster.
  std::unique_ptr<leasebreak::coordinator> coordinator_;
  std::shared_ptr<client_registry> clients_;
  std::shared_ptr<channel_groups> groups_ = std::make_shared<channel_groups>();
  const boost::asio::any_io_executor strand_; ///< Of what follows, and of who comes in.
  std::unique_ptr<listener> listener_; ///< Null before `start`.
  guid id_{};
  std::uint64_t start_time_ = 0;
  bool persistent_ = false; ///< Some share was continuously available at the start.
  leasebreak::settings first_settings_; ///< Before any option.
  std::atomic<std::uint64_t> last_file_id_{0};
  std::uint64_t last_connection_ = 0;

  mutable std::mutex mutex_;
  bool is_serving_ = true; ///< Guarded by `mutex_`, as what follows.
  std::shared_ptr<const account_list> accounts_;
  share_map shares_;
  /// Of shares that are not served any more, as long as clients have something of them.
  std::vector<std::pair<std::string, std::weak_ptr<vfs::share>>> removed_roots_;
  connection_shares shares_of_addresses_;
  std::unordered_map<connection_id, std::weak_ptr<connection>> connections_;
  std::unordered_map<std::uint64_t, std::weak_ptr<session>> sessions_;
  std::uint64_t last_session_ = 0;
  bool stopping_ = false;
  bool trim_pending_ = false; ///< Belongs to the strand, as the timers do.
  timer trim_timer_;
  timer emptied_; ///< Cancelled when the last connection or kept open has ended.
  std::size_t kept_ending_ = 0; ///< Belongs to the strand.
  std::shared_ptr<void> events_;
};

} // namespace leasebreak::smb
