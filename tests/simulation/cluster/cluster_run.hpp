// Two to four nodes of a cluster, their clients, and the oracles that watch them.
//
// Each client believes what its grants and breaks say. It releases what a break takes away, and
// acknowledges that, late or never. Whatever happens to nodes, clocks, network and engine, no two
// clients may believe in caching that excludes each other.
#pragma once

#include "lease_engine.hpp"
#include "loop.hpp"
#include "machine.hpp"
#include "network.hpp"
#include "scene.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace leasebreak::simulation {

/// Makes the scene of a seed.
[[nodiscard]] scene scene_of_cluster(std::uint64_t seed);
/// Runs a scene. `outcome::operations` counts operations of clients.
[[nodiscard]] outcome run_cluster(const scene& s, bool keeps_history);
/// Both functions, for the program.
[[nodiscard]] simulation_kind cluster_kind();

/// What happened in all runs of this process.
struct cluster_figures {
  std::uint64_t histories = 0;
  std::uint64_t grants = 0;
  std::uint64_t remote_grants = 0; ///< By an owner on another machine.
  std::uint64_t breaks = 0; ///< Notifications that have reached a client.
  std::uint64_t views = 0; ///< Changes of the view.
  std::uint64_t steps_down = 0;
  std::uint64_t moved_opens = 0; ///< Parts of files that were reported to a new owner.
  std::uint64_t lost = 0; ///< Times that a node was told that its opens of a file are lost.
  std::uint64_t virtual_seconds = 0;
};
[[nodiscard]] cluster_figures& cluster_totals();
[[nodiscard]] std::string to_string(const cluster_figures& f);

/// One run of a scene.
class cluster_run final : surroundings {
public:
  cluster_run(const scene& s, bool keeps_history);
  outcome run();

private:
  static constexpr std::size_t file_count = 4;
  static constexpr std::size_t clients_per_machine = 2;

  /// An open, from its client's view.
  struct client_open {
    open_id id{};
    std::size_t file = 0;
    std::size_t at = 0; ///< The machine through which it was opened.
  };
  /// A client. It loses its opens through a node when that node ends.
  struct client {
    std::map<std::size_t, connection_id> homes; ///< The machines that it uses: one or two.
    client_guid guid;
    std::uint64_t life = 0; ///< Counts how often it lost everything. Keys of leases contain it.
    bool is_silent = false; ///< Does not acknowledge breaks.
    std::vector<client_open> opens;
    std::map<std::size_t, lease_state> believes; ///< By file.
    /// By file: the newest epoch of its lease that it has seen (MS-SMB2 3.2.5.7.5).
    std::map<std::size_t, std::uint16_t> epochs;
    /// The files and machines of all acknowledgements.
    std::set<std::pair<std::size_t, std::size_t>> acknowledged;
  };
  enum class operation_kind { open, close, acknowledge, access };
  struct operation {
    operation_kind kind{};
    std::size_t client = 0;
    std::size_t file = 0;
    std::size_t at = 0; ///< The machine.
  };

  // cluster_run.cpp
  void note(const std::string& what);
  void complain(const std::string& what);
  void boot(std::size_t index);
  void boot_later(std::size_t index);
  void end_faults();
  void wait(span how_long);
  void end_clients();
  [[nodiscard]] machine* find(node_id run);
  [[nodiscard]] std::size_t index_of(const machine& m) const;
  void send(std::size_t from, const cluster::packet& p) override;
  void arrive(const std::variant<cluster::packet, cluster::packet_error>& what,
    cluster::cluster_node& n, time_point now, cluster::node_effects& out);
  void ask_engine(std::size_t from, const cluster::node_effect& what, node_id run) override;
  void fence(std::size_t by, node_id node) override;

  // clients.cpp
  void tell(std::size_t from, const cluster::node_effect& what) override;
  void disconnect(std::size_t index) override;
  void completed(std::size_t from, const cluster::operation_completed& c);
  void granted(const operation& o, const open_granted& g, bool is_remote);
  void broken(std::size_t from, const cluster::break_arrived& b);
  void check_part(std::size_t from, const cluster::part_changed& p);
  [[nodiscard]] bool has_acknowledged_elsewhere(std::size_t at, std::size_t file) const;
  void lost(std::size_t from, const cluster::opens_lost& l);
  void acknowledge(std::size_t who, std::size_t at, std::size_t file, const break_notification& n);
  void open(std::size_t who, std::size_t at, std::size_t file, lease_state state);
  void close(std::size_t who, std::size_t which);
  void write(std::size_t who, std::size_t which);
  void end_hold_later(std::size_t at, std::size_t file, hold_id hold);
  void forget_if_unused(std::size_t who, std::size_t file);
  [[nodiscard]] bool takes_epoch(std::size_t who, std::size_t file, std::uint16_t epoch);
  void abandon(std::size_t which);
  template <class Command>
  void start(operation_kind kind, std::size_t who, std::size_t at, std::size_t file, Command what,
    break_id about = break_id::none);
  [[nodiscard]] bool is_served(std::size_t at) const;
  void submit(
    std::size_t at, std::size_t file, const command& what, break_id about = break_id::none);
  [[nodiscard]] lease_key key_of(std::size_t who, std::size_t file) const;
  [[nodiscard]] static std::string name_of(std::size_t who);
  [[nodiscard]] std::size_t home_of(std::size_t who, std::size_t which) const;
  [[nodiscard]] std::size_t client_of(const client_guid& guid) const;
  [[nodiscard]] std::size_t file_of(const std::string& file_id) const;

  // oracles.cpp
  void executing(const cluster::files_request& what) override;
  void executed(const cluster::files_result& what) override;
  void check_term(const std::string& what, cluster::slot_number slot, std::uint64_t term);
  void check_pairs(std::size_t who, std::size_t file);
  void check_executed_once(node_id origin, std::uint64_t number, std::uint64_t term);
  void check_step_down(std::size_t at, cluster::step_down_cause cause);
  void check_everything_works();
  void check_takeover();
  void check_nothing_is_left();
  [[nodiscard]] std::string state_of(std::size_t file) const;

  // steps.cpp, faults.cpp
  void perform(const step& s);
  void cause_fault(const step& s);
  void cut(const step& s, span how_long);
  void pause(std::size_t index, const step& s, span how_long);
  void outage(span how_long);
  void crash(std::size_t index);
  void fail_after_talking(const step& s);

  const scene& scene_;
  bool keeps_history_;
  random_source random_;
  loop loop_;
  cluster::node_settings settings_;
  file_policy policy_;
  bool has_fence_;
  bool has_outages_;
  bool is_slow_;
  span pause_max_;
  network network_;
  lease_engine engine_;
  std::vector<std::unique_ptr<machine>> machines_;
  std::vector<client> clients_;
  std::map<operation_id, operation> operations_; ///< Those in progress.
  std::set<operation_id> ended_operations_;
  std::set<std::tuple<node_id, std::uint64_t, std::uint64_t>> executed_;
  std::map<cluster::slot_number, std::uint64_t> served_; ///< The latest term of each slot.
  std::uint32_t last_run_ = 0;
  std::uint64_t last_connection_ = 0;
  std::uint64_t started_ = 0;
  bool is_ending_ = false;
  bool is_break_ignored_ = false; ///< A break may have timed out.
  std::vector<std::string> problems_;
  std::vector<std::string> history_;
};

} // namespace leasebreak::simulation
