// Turns, effects, pauses and runs.
#include "machine.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::simulation {

using cluster::cluster_node;
using cluster::node_effects;

namespace {

constexpr std::chrono::milliseconds between_ticks{50};

} // namespace

machine::machine(loop& on, surroundings& around, std::size_t index,
  const cluster::node_settings& settings, const file_policy& policy, std::int64_t drift_ppm)
  : loop_(on), around_(around), index_(index), name_("node" + std::to_string(index)),
    settings_(settings), policy_(policy), drift_ppm_(drift_ppm) {}

time_point machine::clock() const {
  constexpr auto begin = std::chrono::hours{24 * 365 * 50};
  const auto now = loop_.now();
  return time_point{} + begin + std::chrono::hours{index_} + now + now / 1'000'000 * drift_ppm_;
}

void machine::start(node_id run) {
  run_ = run;
  files_ = std::make_unique<cluster::local_files>(run, policy_, true);
  node_ =
    std::make_unique<cluster_node>(settings_, cluster::view_member{name_, run, name_ + ":1", 0}, 8);
  tick(run);
}

void machine::crash() {
  node_.reset();
  files_.reset();
  effects_.clear();
  held_.clear();
  pause_in_turn_ = {};
  around_.disconnect(index_);
}

void machine::pause(span how_long, bool in_turn) {
  if (in_turn) {
    pause_in_turn_ = how_long;
    return;
  }
  paused_until_ = std::max(paused_until_, loop_.now() + how_long);
  loop_.after(how_long, [this] { resume(); });
}

void machine::wake() {
  pause_in_turn_ = {};
  paused_until_ = loop_.now();
  resume();
}

void machine::resume() {
  if (is_paused() || is_handling_)
    return;
  is_handling_ = true;
  execute_all();
  while (is_up() && !held_.empty() && effects_.empty() && !is_paused()) {
    const auto f = std::move(held_.front());
    held_.pop_front();
    run(f);
  }
  is_handling_ = false;
}

void machine::put(node_id run, input f) {
  if (run != run_ || !is_up())
    return;
  handle(f);
}

// Inputs that arrive while others are handled follow them.
void machine::handle(const input& f) {
  held_.push_back(f);
  if (!is_handling_)
    resume();
}

void machine::run(const input& f) {
  node_effects out;
  f(*node_, clock(), out);
  effects_.insert(effects_.end(), out.begin(), out.end());
  if (!effects_.empty() && pause_in_turn_ != span{})
    return pause(std::exchange(pause_in_turn_, span{}), false);
  execute_all();
}

void machine::execute_all() {
  while (is_up() && !effects_.empty() && !is_paused()) {
    const auto next = std::move(effects_.front());
    effects_.pop_front();
    execute(next);
  }
}

void machine::execute(const cluster::node_effect& what) {
  if (const auto* const files = std::get_if<cluster::files_request>(&what)) {
    around_.executing(*files);
    std::vector<cluster::files_result> results;
    files_->execute(*files, clock(), results);
    return take_results(std::move(results));
  }
  if (const auto* const p = std::get_if<cluster::send_packet>(&what))
    return around_.send(index_, p->what);
  if (const auto* const f = std::get_if<cluster::fence_node>(&what))
    return around_.fence(index_, f->node);
  if (std::holds_alternative<cluster::stepped_down>(what)) {
    around_.disconnect(index_);
    return around_.tell(index_, what);
  }
  const bool is_for_clients = std::holds_alternative<cluster::operation_completed>(what) ||
    std::holds_alternative<cluster::break_arrived>(what) ||
    std::holds_alternative<cluster::part_changed>(what) ||
    std::holds_alternative<cluster::opens_lost>(what);
  if (is_for_clients)
    return around_.tell(index_, what);
  around_.ask_engine(index_, what, run_);
}

void machine::take_results(std::vector<cluster::files_result> results) {
  for (auto& r : results) {
    around_.executed(r);
    node_effects out;
    node_->files_did(std::move(r), clock(), out);
    effects_.insert(effects_.end(), out.begin(), out.end());
  }
}

void machine::tick(node_id run) {
  if (run != run_ || !is_up())
    return;
  put(run, [this](cluster_node& n, time_point now, node_effects& out) {
    n.tick(now, out);
    std::vector<cluster::files_result> results;
    if (n.stage() == cluster::node_stage::member)
      files_->expire(now, n.is_unheard(now), results);
    for (auto& r : results) {
      around_.executed(r);
      n.files_did(std::move(r), now, out);
    }
  });
  loop_.after(between_ticks, [this, run] { tick(run); });
}

} // namespace leasebreak::simulation
