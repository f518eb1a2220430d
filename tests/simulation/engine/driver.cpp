// See driver.hpp. Each scene has its own seed.
#include "driver.hpp"

#include "shrink.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <random>
#include <string>

namespace leasebreak::simulation {
namespace {

using steady = std::chrono::steady_clock;

struct options {
  std::chrono::seconds length{60};
  std::optional<std::uint64_t> seed; ///< Of the first scene. The others count up from it.
  bool one = false; ///< Run only that scene, and print its history.
  bool go_on = false; ///< Continue after a failing scene, and print one line for it.
};

struct totals {
  std::uint64_t scenes = 0;
  std::uint64_t operations = 0;
  std::uint64_t handlers = 0;
};

/// One scene in this many runs twice, and must give the same hash both times.
constexpr std::uint64_t twice_every = 64;

[[noreturn]] void usage(const std::string& name) {
  std::cerr << "usage: " << name
            << " [--seconds N] [--seed S] [--one | --go-on]\n"
               "  --seconds N  time to run; 60 by default\n"
               "  --seed S     the seed of the first scene; otherwise a new one\n"
               "  --one        run only that scene, and print its history\n"
               "  --go-on      continue after a failing scene; print one line for each\n";
  std::exit(2);
}

options parse(const std::string& program, int argc, char** argv) {
  options result;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--one" || name == "--go-on") {
      (name == "--one" ? result.one : result.go_on) = true;
      continue;
    }
    if (i + 1 == argc || (name != "--seconds" && name != "--seed"))
      usage(program);
    const auto value = std::stoull(argv[++i]);
    if (name == "--seconds")
      result.length = std::chrono::seconds{value};
    else
      result.seed = value;
  }
  return result;
}

bool fails(const simulation_kind& what, std::uint64_t seed, bool goes_on, totals& all) {
  const auto s = what.scene_of(seed);
  const auto done = what.run(s, false);
  ++all.scenes;
  all.operations += done.operations;
  all.handlers += done.handlers;
  if (!done.problem.empty() && goes_on) {
    std::cout << "seed " << seed << ": " << done.problem << "\n";
    return true;
  }
  if (!done.problem.empty()) {
    std::cout << "seed " << seed << " fails: " << done.problem << "\nreduced to: " << std::flush;
    std::cout << story(what, shrunk(what, s)) << "To repeat it: --seed " << seed << " --one\n";
    return true;
  }
  if (all.scenes % twice_every == 0 && what.run(s, false).hash != done.hash) {
    std::cout << "seed " << seed << " is not deterministic: two runs differ\n";
    return true;
  }
  return false;
}

void report(const totals& all, steady::time_point began) {
  const std::chrono::duration<double> took = steady::now() - began;
  std::cout << all.scenes << " scenes, " << all.operations << " operations, " << all.handlers
            << " handlers in " << took.count() << " s: "
            << static_cast<std::uint64_t>(static_cast<double>(all.operations) / took.count())
            << " operations/s" << std::endl;
}

int simulate(const simulation_kind& what, const options& o) {
  const auto seed = o.seed.value_or((std::uint64_t{std::random_device{}()} << 16) ^ 0x1ea5e);
  std::cout << "seed=" << seed << std::endl;
  if (o.one) {
    const auto text = story(what, what.scene_of(seed));
    std::cout << text;
    return text.starts_with("\n") ? 0 : 1;
  }
  const auto began = steady::now();
  totals all;
  std::uint64_t failed = 0;
  for (auto next = seed; steady::now() - began < o.length && (failed == 0 || o.go_on); ++next)
    failed += fails(what, next, o.go_on, all) ? 1 : 0;
  report(all, began);
  if (failed != 0)
    std::cout << failed << " scenes failed\n";
  return failed == 0 ? 0 : 1;
}

} // namespace

int drive(const simulation_kind& what, int argc, char** argv) {
  try {
    return simulate(what, parse(what.name, argc, argv));
  } catch (const std::exception& e) {
    std::cerr << what.name << ": " << e.what() << "\n";
    return 2;
  }
}

} // namespace leasebreak::simulation
