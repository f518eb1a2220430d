// An SMB2/3 server that exports directories and leaves every decision about leases, oplocks and
// byte-range locks to leasebreak.
#include <smb_server/admin.hpp>
#include <smb_server/options.hpp>
#include <smb_server/runtime/descriptors.hpp>
#include <smb_server/runtime/event_loop.hpp>
#include <smb_server/server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using leasebreak::smb::server;
using leasebreak::smb::server_options;

std::shared_ptr<spdlog::logger> make_logger(const std::string& level) {
  auto logger = std::make_shared<spdlog::logger>(
    "smb_server", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%H:%M:%S.%e %^%l%$ %v");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  return logger;
}

bool is_ignored(int signal) {
  struct sigaction now {};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

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

/// Starts, waits for a signal, stops.
asio::awaitable<void> serve(
  server& s, const server_options& o, std::shared_ptr<spdlog::logger> logger) {
  co_await s.start();
  const auto executor = co_await asio::this_coro::executor;
  auto admin = leasebreak::smb::start_admin(s, executor, std::move(logger));
  // Install the handler before the server reports that it listens: afterwards it may be stopped at
  // once.
  asio::signal_set signals{executor, SIGINT, SIGTERM};
  if (!is_ignored(SIGHUP))
    signals.add(SIGHUP); // a terminal that is closed; nohup has it ignored
  std::printf(
    "listening on %s:%u\n", o.address.c_str(), static_cast<unsigned>(s.endpoint().port()));
  std::fflush(stdout);
  co_await signals.async_wait(asio::use_awaitable);
  s.log().info("stopping");
  admin.reset();
  co_await s.stop();
}

int run(const server_options& o) {
  asio::io_context io{static_cast<int>(o.threads)};
  const auto logger = make_logger(o.log_level);
  leasebreak::smb::machine machine{io, o.threads};
  server s{machine, o, logger};
  int result = 0;
  asio::co_spawn(io, serve(s, o, logger), [&](std::exception_ptr failure) {
    try {
      if (failure)
        std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "smb_server: %s\n", e.what());
      result = 1;
    }
    io.stop();
  });
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < o.threads; ++i)
    threads.emplace_back([&io] { run_to_the_end([&io] { io.run(); }); });
  run_to_the_end([&] {
    if (o.threads == 1)
      leasebreak::smb::run_polling(io, leasebreak::smb::poll_window{o.poll_time});
    else
      io.run();
  });
  threads.clear();
  return result;
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = leasebreak::smb::parse_options(argc, argv);
  if (!parsed.options) {
    std::fputs(parsed.text.c_str(), parsed.status == 0 ? stdout : stderr);
    return parsed.status;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::set_terminate(end_uncaught);
  leasebreak::smb::raise_descriptor_limit();
  try {
    return run(*parsed.options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "smb_server: %s\n", e.what());
    return 1;
  }
}
