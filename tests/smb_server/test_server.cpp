// Runs a server in the test's process.
#include "test_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace leasebreak::smb::testing {

namespace {

std::filesystem::path make_directory() {
  std::string pattern = std::filesystem::temp_directory_path() / "leasebreak-smb-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error("cannot make a directory for the share");
  return pattern;
}

server_options with_limits(server_limits limits) {
  server_options options;
  options.limits = limits;
  return options;
}

/// Two loops, which makes races possible, unless the environment sets the number.
std::size_t loop_threads() {
  const char* const wanted = std::getenv("LEASEBREAK_TEST_THREADS");
  return wanted == nullptr ? 2 : std::stoul(wanted);
}

std::chrono::microseconds interim_delay(std::chrono::microseconds usual) {
  const char* const wanted = std::getenv("LEASEBREAK_TEST_INTERIM_DELAY");
  return wanted == nullptr ? usual : std::chrono::microseconds{std::stoul(wanted)};
}

} // namespace

std::string log_keeper::text() {
  const std::lock_guard lock{mutex_};
  return text_;
}

bool log_keeper::wait_for(const std::string& part) {
  constexpr auto at_most = std::chrono::seconds{20};
  std::unique_lock lock{mutex_};
  return grown_.wait_for(lock, at_most, [&] { return text_.find(part) != std::string::npos; });
}

void log_keeper::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  text_.append(line.data(), line.size());
  grown_.notify_all();
}

test_server::test_server(server_limits limits) : test_server{with_limits(limits)} {}

test_server::test_server(server_options options) : directory_{make_directory()} {
  options.port = 0;
  if (options.threads == 1)
    options.threads = loop_threads();
  options.interim_delay = interim_delay(options.interim_delay);
  if (options.users.empty())
    options.users = {{"user", "pass"}};
  if (options.shares.empty())
    options.shares.push_back({"share", {}, {}});
  for (share_definition& s : options.shares) {
    if (s.path.empty())
      s.path = directory_.string();
  }
  auto logger = std::make_shared<spdlog::logger>("test", log_);
  logger->set_level(spdlog::level::from_str(options.log_level));
  loops_.emplace(options.threads);
  machine_.emplace(*loops_);
  server_ = std::make_unique<server>(*machine_, options, std::move(logger));
  auto started = boost::asio::co_spawn(loops_->main(), server_->start(), boost::asio::use_future);
  thread_ = std::jthread{[this] { loops_->run([](boost::asio::io_context& io) { io.run(); }); }};
  started.get();
  port_ = server_->endpoint().port();
}

std::string test_server::stop() {
  if (thread_.joinable()) {
    boost::asio::co_spawn(loops_->main(), server_->stop(), boost::asio::use_future).get();
    loops_->main().stop();
    thread_.join();
  }
  return log_->text();
}

test_server::~test_server() {
  stop();
  server_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

} // namespace leasebreak::smb::testing
