// What goes wrong: links, pauses, crashes, and the engine.
#include "cluster_run.hpp"

namespace leasebreak::simulation {

using std::chrono::milliseconds;

void cluster_run::cause_fault(const step& s) {
  const auto index = s.a % machines_.size();
  const span how_long = milliseconds{200 + s.c % 5'800};
  switch (s.b % 10) {
  case 0:
  case 1:
  case 2:
  case 3:
    return cut(s, how_long);
  case 4:
  case 5:
    return pause(index, s, how_long);
  case 6:
    if (has_outages_)
      return outage(how_long + milliseconds{s.d % 4'000});
    return pause(index, s, how_long);
  case 7:
    return pause(index, s, milliseconds{50 + s.c % 400});
  case 8:
    return fail_after_talking(s);
  default:
    return crash(index);
  }
}

void cluster_run::crash(std::size_t index) {
  if (!machines_[index]->is_up())
    return;
  note(machines_[index]->name() + " crashes");
  machines_[index]->crash();
  boot_later(index);
}

// The machine hears everything, but one other does not hear it. Then it crashes: what it has
// executed and answered is known in part.
void cluster_run::fail_after_talking(const step& s) {
  const auto index = s.a % machines_.size();
  const auto deaf = (index + 1 + s.c % (machines_.size() - 1)) % machines_.size();
  const span how_long = milliseconds{50 + s.d % 800};
  note(
    machines_[deaf]->name() + " does not hear " + machines_[index]->name() + ", which will crash");
  network_.cut(index, deaf, how_long + milliseconds{100});
  loop_.after(how_long, [this, index, run = machines_[index]->run()] {
    if (machines_[index]->run() == run && !is_ending_)
      crash(index);
  });
}

// Cuts a machine from the engine, from all others, from both, or one link in one direction.
void cluster_run::cut(const step& s, span how_long) {
  const auto index = s.a % machines_.size();
  const auto engine = machines_.size();
  const auto both_ways = [&](std::size_t other) {
    network_.cut(index, other, how_long);
    network_.cut(other, index, how_long);
  };
  note(machines_[index]->name() + " is cut off, in way " + std::to_string(s.d % 5));
  if (s.d % 5 == 3) {
    network_.cut(index, (index + 1 + s.c % machines_.size()) % (machines_.size() + 1), how_long);
    return;
  }
  if (s.d % 5 == 4)
    return both_ways((index + 1) % machines_.size());
  if (s.d % 5 != 1)
    both_ways(engine);
  if (s.d % 5 != 0)
    for (std::size_t i = 0; i < machines_.size(); ++i)
      if (i != index)
        both_ways(i);
}

void cluster_run::pause(std::size_t index, const step& s, span how_long) {
  if (!machines_[index]->is_up())
    return;
  how_long = std::min(how_long, pause_max_);
  note(machines_[index]->name() + " is paused");
  machines_[index]->pause(how_long, s.d % 2 == 0);
}

void cluster_run::outage(span how_long) {
  note("the engine is away");
  const auto engine = machines_.size();
  engine_.be_away(how_long);
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    network_.cut(i, engine, how_long);
    network_.cut(engine, i, how_long);
  }
}

} // namespace leasebreak::simulation
