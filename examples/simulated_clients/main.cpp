// Many simulated SMB clients with real caches against one coordinator; says whether the caches
// stayed coherent. Exit status 0 only if they did, every operation completed exactly once, and
// nothing was left open; 1 if not; 2 if it could not start.
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

// Live progress: one line that is rewritten on a terminal, a line a second elsewhere.
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

  CLI::App app{"Simulated SMB clients, each with a cache that obeys its leases, and a judge that "
               "checks every read."};
  app.add_option("--clients", settings.clients, "how many clients")->capture_default_str();
  app.add_option("--files", settings.files, "how many files")->capture_default_str();
  app.add_option("--threads", settings.threads, "threads that run everything")
    ->capture_default_str();
  app.add_option("--seconds", seconds, "how long the clients work")->capture_default_str();
  app.add_option("--store", settings.store, "memory, rocksdb:PATH or postgres:URI")
    ->capture_default_str();
  app.add_option("--seed", settings.seed, "what the clients do depends on it; random by default");
  app
    .add_option("--unresponsive", settings.unresponsive_percent,
      "percentage of clients that never acknowledge a break")
    ->capture_default_str();
  app.add_option("--break-timeout", break_timeout, "seconds until a break is given up")
    ->capture_default_str();
  app.add_flag("--json", json, "the result as JSON on standard output, progress on standard error");
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
