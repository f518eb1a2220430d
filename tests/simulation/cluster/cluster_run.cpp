// Start, faults and end of a run, and what connects its parts.
#include "cluster_run.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::simulation {

using cluster::node_effects;
using std::chrono::milliseconds;
using std::chrono::seconds;

cluster_figures& cluster_totals() {
  static cluster_figures all;
  return all;
}

std::string to_string(const cluster_figures& f) {
  return std::to_string(f.histories) + " histories of " + std::to_string(f.virtual_seconds) +
    " s, " + std::to_string(f.grants) + " grants (" + std::to_string(f.remote_grants) +
    " remote), " + std::to_string(f.breaks) + " breaks, " + std::to_string(f.views) +
    " view changes, " + std::to_string(f.steps_down) + " nodes stepped down, " +
    std::to_string(f.moved_opens) + " parts of files moved, " + std::to_string(f.lost) + " lost";
}

cluster_run::cluster_run(const scene& s, bool keeps_history)
  : scene_(s), keeps_history_(keeps_history), random_(s.seed), loop_(s.seed),
    has_fence_(!random_.one_in(3)), has_outages_(random_.one_in(4)), is_slow_(random_.one_in(2)),
    pause_max_(has_fence_ ? milliseconds{6'000} : milliseconds{200}),
    network_(loop_, random_, is_slow_), engine_(loop_, seconds{2}) {
  settings_.lease = {seconds{2}, milliseconds{400}, milliseconds{300}, 10};
  settings_.peer_timeout = seconds{1};
  settings_.greeting = milliseconds{200};
  settings_.session = {64, milliseconds{150}};
  policy_.break_timeout = seconds{5};
  policy_.wait_max = seconds{20};
  const auto count = 2 + random_.below(3);
  const bool use_two_machines = !random_.one_in(3);
  for (std::size_t i = 0; i < count; ++i) {
    const auto drift = static_cast<std::int64_t>(random_.below(19'000)) - 9'500;
    surroundings& around = *this;
    machines_.push_back(std::make_unique<machine>(loop_, around, i, settings_, policy_, drift));
    for (std::size_t c = 0; c < clients_per_machine; ++c) {
      client each;
      each.homes[i] = connection_id{++last_connection_};
      each.guid = client_guid::of(clients_.size() + 1);
      // One client of each machine uses the next one, too. Its leases are the same on both.
      if (c == 1 && use_two_machines)
        each.homes[(i + 1) % count] = connection_id{++last_connection_};
      clients_.push_back(each);
    }
  }
  loop_.on_stuck([this] { complain("the time does not advance"); });
}

void cluster_run::note(const std::string& what) {
  loop_.hash().add(what);
  if (keeps_history_)
    history_.push_back(
      std::to_string(std::chrono::duration_cast<milliseconds>(loop_.now()).count()) +
      " ms: " + what);
}

void cluster_run::complain(const std::string& what) {
  note("PROBLEM: " + what);
  problems_.push_back(what);
}

void cluster_run::boot(std::size_t index) {
  machines_[index]->start(node_id{++last_run_});
  note(machines_[index]->name() + " starts run " + std::to_string(last_run_));
}

void cluster_run::boot_later(std::size_t index) {
  loop_.after(milliseconds{50 + random_.below(is_ending_ ? 450 : 2'000)}, [this, index] {
    if (machines_[index]->is_up() &&
      machines_[index]->node().stage() == cluster::node_stage::stopped)
      machines_[index]->crash();
    if (!machines_[index]->is_up())
      boot(index);
  });
}

machine* cluster_run::find(node_id run) {
  for (const auto& m : machines_)
    if (m->is_up() && m->run() == run)
      return m.get();
  return nullptr;
}

std::size_t cluster_run::index_of(const machine& m) const {
  std::size_t i = 0;
  while (machines_[i].get() != &m)
    ++i;
  return i;
}

// The engine has the index behind the last machine.
void cluster_run::send(std::size_t from, const cluster::packet& p) {
  const auto* const to = find(p.to);
  if (to == nullptr)
    return;
  network_.send(
    from, index_of(*to), [this, to = p.to, bytes = cluster::encode(p, machines_[from]->clock())] {
      if (auto* const m = find(to))
        m->put(to, [this, bytes](auto& n, time_point now, node_effects& out) {
          arrive(cluster::decode_packet(bytes, now), n, now, out);
        });
    });
}

void cluster_run::arrive(const std::variant<cluster::packet, cluster::packet_error>& what,
  cluster::cluster_node& n, time_point now, node_effects& out) {
  if (const auto* const p = std::get_if<cluster::packet>(&what))
    return n.packet_arrived(*p, now, out);
  complain("a packet is not understood: " + std::get<cluster::packet_error>(what).what);
}

void cluster_run::ask_engine(std::size_t from, const cluster::node_effect& what, node_id run) {
  const auto engine = machines_.size();
  const auto answer = [this, from, engine, run](machine::input f) {
    network_.send(
      engine, from, [this, from, run, f = std::move(f)] { machines_[from]->put(run, f); });
  };
  network_.send(from, engine, [this, what, run, answer] {
    if (const auto* const renewal = std::get_if<cluster::renew_lease>(&what)) {
      const auto sent = renewal->sent;
      if (engine_.renew(run, renewal->suspected))
        answer(
          [sent](auto& n, time_point now, node_effects& out) { n.lease_renewed(sent, now, out); });
      else
        answer([](auto& n, time_point now, node_effects& out) { n.lease_refused(now, out); });
    } else if (const auto* const reading = std::get_if<cluster::read_document>(&what)) {
      answer([d = engine_.read(), sent = reading->sent](
               auto& n, time_point now, node_effects& out) { n.document_read(d, sent, now, out); });
    } else if (const auto* const proposal = std::get_if<cluster::propose_view>(&what)) {
      if (engine_.propose(proposal->next)) {
        ++cluster_totals().views;
        note("view " + std::to_string(proposal->next.number) + " by run " +
          std::to_string(static_cast<std::uint32_t>(run)) + ", " +
          std::to_string(proposal->next.members.size()) + " members");
      }
    } else if (std::holds_alternative<cluster::revoke_lease>(what)) {
      engine_.revoke(run);
    }
  });
}

// The fence ends the connections of that run for certain. Without one, the lease alone counts.
void cluster_run::fence(std::size_t by, node_id node) {
  const auto asked_by = machines_[by]->run();
  loop_.after(milliseconds{5 + random_.below(95)}, [this, by, node, asked_by] {
    if (auto* const m = find(node); m != nullptr && has_fence_) {
      note("run " + std::to_string(static_cast<std::uint32_t>(node)) + " is fenced");
      const auto index = index_of(*m);
      m->crash();
      boot_later(index);
    }
    machines_[by]->put(asked_by,
      [node](auto& n, time_point now, node_effects& out) { n.node_fenced(node, now, out); });
  });
}

void cluster_run::wait(span how_long) {
  bool is_over = false;
  loop_.after(how_long, [&] { is_over = true; });
  while (!is_over && problems_.empty() && loop_.step()) {
    // go on
  }
}

outcome cluster_run::run() {
  for (std::size_t i = 0; i < machines_.size(); ++i)
    boot(i);
  wait(seconds{3});
  for (const auto& s : scene_.steps) {
    if (!problems_.empty())
      break;
    wait(s.gap);
    perform(s);
  }
  if (problems_.empty())
    end_faults();
  if (problems_.empty())
    check_everything_works();
  if (problems_.empty())
    check_takeover();
  auto& all = cluster_totals();
  ++all.histories;
  all.virtual_seconds +=
    static_cast<std::uint64_t>(std::chrono::duration_cast<seconds>(loop_.now()).count());
  return {problems_.empty() ? "" : problems_.front(), history_, loop_.hash().value(), started_,
    loop_.handlers_run()};
}

void cluster_run::end_faults() {
  note("faults end");
  is_ending_ = true;
  network_.heal();
  for (auto& c : clients_)
    c.is_silent = false;
  for (std::size_t i = 0; i < machines_.size(); ++i)
    if (machines_[i]->is_up())
      machines_[i]->wake();
    else
      boot_later(i);
  wait(seconds{30});
}

outcome run_cluster(const scene& s, bool keeps_history) {
  return cluster_run(s, keeps_history).run();
}

scene scene_of_cluster(std::uint64_t seed) {
  random_source random(seed ^ 0xc1u);
  scene s{seed, {}};
  const auto count = 100 + random.below(300);
  for (std::size_t i = 0; i < count; ++i) {
    auto each = random_step(random);
    each.gap =
      random.one_in(12) ? milliseconds{random.below(2'500)} : milliseconds{random.below(120)};
    s.steps.push_back(each);
  }
  return s;
}

simulation_kind cluster_kind() {
  return {"cluster_simulation", scene_of_cluster, run_cluster};
}

} // namespace leasebreak::simulation
