// A machine with one run of a node after the other. It has a clock that drifts, can be paused in
// the middle of a turn, crash, and start again.
#pragma once

#include "lease_engine.hpp"
#include "loop.hpp"
#include "network.hpp"

#include <leasebreak/cluster/cluster_node.hpp>
#include <leasebreak/cluster/local_files.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::simulation {

/// What a machine needs of the others.
class surroundings {
public:
  virtual ~surroundings() = default;
  virtual void send(std::size_t from, const cluster::packet& p) = 0;
  virtual void ask_engine(std::size_t from, const cluster::node_effect& what, node_id run) = 0;
  virtual void fence(std::size_t by, node_id node) = 0;
  /// For clients: completions, breaks, lost opens and disconnections.
  virtual void tell(std::size_t from, const cluster::node_effect& what) = 0;
  virtual void disconnect(std::size_t machine) = 0;
  /// For the oracles.
  virtual void executing(const cluster::files_request& what) = 0;
  virtual void executed(const cluster::files_result& what) = 0;
};

class machine {
public:
  machine(loop& on, surroundings& around, std::size_t index, const cluster::node_settings& settings,
    const file_policy& policy, std::int64_t drift_ppm);

  void start(node_id run);
  /// Ends the run. The connections of its clients end.
  void crash();
  /// Nothing happens for a time. With `in_turn`, begins when the next effects are to be executed.
  void pause(span how_long, bool in_turn);
  /// Ends a pause.
  void wake();

  /// Runs an input of the node: now, or after the pause.
  using input = std::function<void(cluster::cluster_node&, time_point, cluster::node_effects&)>;
  void put(node_id run, input f);

  [[nodiscard]] bool is_up() const { return node_ != nullptr; }
  [[nodiscard]] bool is_paused() const { return loop_.now() < paused_until_; }
  /// Returns whether an input is not handled at once.
  [[nodiscard]] bool is_busy() const {
    return is_paused() || is_handling_ || !effects_.empty() || !held_.empty();
  }
  [[nodiscard]] node_id run() const { return run_; }
  [[nodiscard]] cluster::cluster_node& node() { return *node_; }
  [[nodiscard]] const cluster::local_files& files() const { return *files_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// The time of the machine's clock.
  [[nodiscard]] time_point clock() const;

private:
  void tick(node_id run);
  void handle(const input& f);
  void run(const input& f);
  void execute_all();
  void execute(const cluster::node_effect& what);
  void take_results(std::vector<cluster::files_result> results);
  void resume();

  loop& loop_;
  surroundings& around_;
  std::size_t index_;
  std::string name_;
  const cluster::node_settings& settings_;
  const file_policy& policy_;
  std::int64_t drift_ppm_;
  node_id run_{};
  std::unique_ptr<cluster::cluster_node> node_;
  std::unique_ptr<cluster::local_files> files_;
  std::deque<cluster::node_effect> effects_;
  std::deque<input> held_; ///< Inputs that wait for the end of a pause or of earlier ones.
  bool is_handling_ = false;
  span paused_until_ = span::min();
  span pause_in_turn_{};
};

} // namespace leasebreak::simulation
