// An SMB2/3 server that exports directories and leaves every decision about leases, oplocks and
// byte-range locks to leasebreak.
#include <smb_server/admin.hpp>
#include <smb_server/options.hpp>
#include <smb_server/runtime/descriptors.hpp>
#include <smb_server/runtime/event_loop.hpp>
#include <smb_server/runtime/loop_set.hpp>
#include <smb_server/server.hpp>
#include <smb_server/service/log_format.hpp>
#include <smb_server/service/reload.hpp>
#include <smb_server/service/report.hpp>
#include <smb_server/service/service_manager.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

namespace asio = boost::asio;
using leasebreak::smb::server;
using leasebreak::smb::server_options;
using leasebreak::smb::service_manager;
using options_reader = std::function<leasebreak::smb::parsed_options()>;

/// One line on the standard error output, and the end at once. Needs no memory.
[[noreturn]] void end_with(const char* why) noexcept {
  std::fprintf(stderr, "smb_server: %s; the process ends\n", why);
  std::_Exit(1);
}

/// A handler has thrown, usually `std::bad_alloc`, and a request or connection is left incomplete.
/// Nothing would ever complete it. End the process, as the library does without memory. End it
/// here, because other threads are running and still use objects that would be destroyed.
template <class Loop>
void run_to_the_end(Loop loop) noexcept {
  try {
    loop();
  } catch (const std::bad_alloc&) {
    end_with("no memory left to go on with a request");
  } catch (const std::exception& e) {
    end_with(e.what());
  }
}

/// Of what cannot be caught, such as what a destructor throws.
void end_uncaught() {
  try {
    if (const auto current = std::current_exception())
      std::rethrow_exception(current);
  } catch (const std::bad_alloc&) {
    std::fputs("smb_server: no memory left where nothing can go on; the process ends\n", stderr);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "smb_server: %s where nothing can go on; the process ends\n", e.what());
  } catch (...) {
    // nothing is known of it
  }
  std::abort();
}

bool is_ignored(int signal) {
  struct sigaction now {};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

asio::awaitable<void> do_nothing() {
  co_return;
}

/// Tells the service manager that all event loops go on, until it is cancelled.
asio::awaitable<void> keep_watchdog(server& s, service_manager& manager) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (;;) {
    for (const auto& loop : s.runs_on().loops())
      co_await asio::co_spawn(loop, do_nothing(), asio::use_awaitable);
    manager.alive();
    timer.expires_after(manager.watchdog());
    co_await timer.async_wait(asio::use_awaitable);
  }
}

/// Acts on signals until one of them ends the server. Without a configuration file, SIGHUP means
/// that the terminal is closed.
asio::awaitable<void> obey_signals(server& s, asio::signal_set& signals, bool reloads,
  service_manager& manager, const options_reader& read) {
  for (;;) {
    const int signal = co_await signals.async_wait(asio::use_awaitable);
    if (signal == SIGHUP && reloads) {
      manager.reloading();
      leasebreak::smb::reload(s, read);
      manager.ready("serving");
    } else if (signal == SIGUSR1) {
      co_await leasebreak::smb::report_state(s);
    } else {
      co_return;
    }
  }
}

/// Starts, serves until a signal says otherwise, stops. Runs on the main loop, as the watchdog
/// does.
asio::awaitable<void> serve(server& s, const server_options& o,
  std::shared_ptr<spdlog::logger> logger, const options_reader& read) {
  const auto executor = co_await asio::this_coro::executor;
  co_await s.start();
  auto admin = leasebreak::smb::start_admin(s, s.runs_on().get_executor(), std::move(logger));
  // Install the handler before the server reports that it listens: afterwards it may be stopped at
  // once.
  const bool reloads = !o.config_file.empty();
  asio::signal_set signals{executor, SIGINT, SIGTERM, SIGUSR1};
  if (reloads || !is_ignored(SIGHUP)) // nohup has it ignored
    signals.add(SIGHUP);
  service_manager manager;
  std::printf(
    "listening on %s:%u\n", o.address.c_str(), static_cast<unsigned>(s.endpoint().port()));
  std::fflush(stdout);
  manager.ready("serving");
  asio::cancellation_signal stop_watchdog;
  if (manager.watchdog().count() != 0)
    asio::co_spawn(executor, keep_watchdog(s, manager),
      asio::bind_cancellation_slot(stop_watchdog.slot(), asio::detached));
  co_await obey_signals(s, signals, reloads, manager, read);
  manager.stopping();
  s.log().info("stopping");
  admin.reset();
  co_await s.stop();
  stop_watchdog.emit(asio::cancellation_type::terminal);
}

/// Checks what the options name: throws if it cannot be used.
int check(const server_options& o) {
  const leasebreak::smb::account_list users{o.users, o.domain};
  for (const auto& share : o.shares)
    if (!std::filesystem::is_directory(share.path))
      throw std::runtime_error("share " + share.name + ": '" + share.path + "' is no directory");
  std::puts("the options are valid");
  return 0;
}

int run(const server_options& o, const options_reader& read) {
  leasebreak::smb::loop_set loops{o.threads};
  const auto logger = leasebreak::smb::make_logger(o.log_level, o.log_format);
  leasebreak::smb::machine machine{loops};
  server s{machine, o, logger};
  int result = 0;
  asio::co_spawn(loops.main(), serve(s, o, logger, read), [&](std::exception_ptr failure) {
    try {
      if (failure)
        std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "smb_server: %s\n", e.what());
      result = 1;
    }
    loops.main().stop();
  });
  loops.run([&o](asio::io_context& io) {
    run_to_the_end([&] { run_polling(io, leasebreak::smb::poll_window{o.poll_time}); });
  });
  return result;
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = leasebreak::smb::parse_options(argc, argv);
  if (!parsed.options) {
    std::fputs(parsed.text.c_str(), parsed.status == 0 ? stdout : stderr);
    return parsed.status;
  }
  for (const int signal : {SIGPIPE, SIGUSR1}) // SIGUSR1 until the server can obey it
    std::signal(signal, SIG_IGN);
  if (!parsed.options->config_file.empty())
    std::signal(SIGHUP, SIG_IGN); // likewise
  std::set_terminate(end_uncaught);
  leasebreak::smb::raise_descriptor_limit();
  try {
    if (parsed.options->check_only)
      return check(*parsed.options);
    return run(*parsed.options, [=] { return leasebreak::smb::parse_options(argc, argv); });
  } catch (const std::exception& e) {
    std::fprintf(stderr, "smb_server: %s\n", e.what());
    return 1;
  }
}
