// Runs many simulated SMB clients with real caches against one coordinator, and checks that the
// caches stay coherent. Exits with status 0 if they did, every operation completed exactly once and
// nothing was left open; otherwise with 1, or with 2 if the simulation could not start.
#include "report.hpp"
#include "simulation.hpp"

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <random>
#include <string>

namespace {

leasebreak::duration from_seconds(double s) {
  return std::chrono::duration_cast<leasebreak::duration>(std::chrono::duration<double>{s});
}

// Shows progress: rewrites one line on a terminal, otherwise prints a line each time.
void show(const leasebreak::simulated::progress& p, bool to_errors) {
  auto& out = to_errors ? std::cerr : std::cout;
  const bool terminal = isatty(to_errors ? STDERR_FILENO : STDOUT_FILENO) != 0;
  if (terminal)
    out << "\r\x1b[K";
  print_progress(out, p);
  if (!terminal)
    out << '\n';
  out << std::flush;
}

int simulate(const leasebreak::simulated::settings& settings, bool json) {
  const auto result =
    run(settings, [json](const leasebreak::simulated::progress& p) { show(p, json); });
  if (json)
    print_json(std::cout, settings, result);
  else
    print_table(std::cout, settings, result);
  print_failures(std::cerr, settings, result);
  const bool good = result.coherent() && result.orderly();
  if (!json)
    std::cout << (good ? "coherent: no stale read, every operation completed exactly once, nothing "
                         "left open\n"
                       : "FAILED\n");
  return good ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  leasebreak::simulated::settings settings;
  settings.seed = std::random_device{}();
  double seconds = 5;
  double break_timeout = 1;
  bool json = false;

  CLI::App app{"Runs simulated SMB clients, each with a cache that obeys its leases. An oracle "
               "checks every read."};
  app.add_option("--clients", settings.clients, "number of clients")->capture_default_str();
  app.add_option("--files", settings.files, "number of files")->capture_default_str();
  app.add_option("--threads", settings.threads, "number of threads")->capture_default_str();
  app.add_option("--seconds", seconds, "how long the clients run")->capture_default_str();
  app.add_option("--store", settings.store, "memory, rocksdb:PATH or postgres:URI")
    ->capture_default_str();
  app.add_option("--seed", settings.seed, "seed of the clients' operations (default: random)");
  app
    .add_option("--unresponsive", settings.unresponsive_percent,
      "percentage of clients that never acknowledge a break")
    ->capture_default_str();
  app.add_option("--break-timeout", break_timeout, "seconds until a break expires")
    ->capture_default_str();
  app.add_flag("--json", json, "print the result as JSON, and progress on standard error");
  CLI11_PARSE(app, argc, argv);

  settings.run_time = from_seconds(seconds);
  settings.break_timeout = from_seconds(break_timeout);
  try {
    return simulate(settings, json);
  } catch (const std::exception& e) {
    std::cerr << "simulated_clients: " << e.what() << '\n';
    return 2;
  }
}
