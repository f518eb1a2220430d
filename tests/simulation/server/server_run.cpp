// The simulated server's start, the end of its clients, and its stop.
#include "server_run.hpp"

#include "determinism.hpp"
#include "numbers.hpp"

#include <boost/asio/co_spawn.hpp>

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>

namespace leasebreak::smb::simulation {

using namespace std::chrono_literals;

namespace {

/// Longer than any durable open is kept.
constexpr span long_enough = 2h;

std::vector<std::string> all_names() {
  std::vector<std::string> result{file_names.begin(), file_names.end()};
  result.insert(result.end(), directory_names.begin(), directory_names.end());
  return result;
}

/// Forwards the server's log lines.
class told_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
  explicit told_sink(std::function<void(spdlog::level::level_enum, std::string)> to)
    : to_{std::move(to)} {}

private:
  void sink_it_(const spdlog::details::log_msg& m) override {
    to_(m.level, std::string{m.payload.data(), m.payload.size()});
  }
  void flush_() override {}

  std::function<void(spdlog::level::level_enum, std::string)> to_;
};

server_options options_for(const std::string& path, random_source& random) {
  server_options o;
  o.shares.push_back({"share", path, {}});
  o.users = {{"user", "pass"}};
  o.threads = 2;
  o.disk_threads = 1 + random.below(4);
  o.uses_new_calls = !random.one_in(4);
  if (random.one_in(4))
    o.interim_delay = std::chrono::microseconds{0};
  return o;
}

} // namespace

leasebreak::simulation::simulation_kind server_kind() {
  return {"server_simulation", scene_of, run};
}

outcome run(const scene& s, bool keeps_history) {
  leasebreak::simulation::begin_numbers_anew();
  begin_anew(s.seed);
  the_disk().begin_anew(all_names());
  return server_run(s, keeps_history).run();
}

server_run::server_run(const scene& s, bool keeps_history)
  : scene_{s}, keeps_history_{keeps_history}, random_{s.seed ^ 0x5eed}, loop_{s.seed},
    machine_{loop_, random_}, options_{options_for(the_disk().path(), random_)} {
  loop_.on_quiet([this] { check_quiet(); });
  loop_.on_stuck([this] { complain("the clock does not advance"); });
  machine_.on_disk([this] { the_disk().look(loop_.now()); });
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i].id = {static_cast<std::uint8_t>(i + 1)};
    choose_terms(clients_[i]);
  }
  auto logger = std::make_shared<spdlog::logger>("simulation",
    std::make_shared<told_sink>([this](spdlog::level::level_enum level, std::string line) {
      if (level >= spdlog::level::err)
        complain("the server: " + line);
      note("    " + line);
    }));
  logger->set_level(keeps_history ? spdlog::level::trace : spdlog::level::err);
  server_ = std::make_unique<server>(machine_, options_, std::move(logger));
}

server_run::~server_run() = default;

void server_run::complain(std::string what) {
  note("PROBLEM: " + what);
  if (result_.problem.empty())
    result_.problem = std::move(what);
}

void server_run::note(std::string what) {
  if (!keeps_history_)
    return;
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(loop_.now()).count();
  result_.history.push_back(fmt::format("{:>10}.{:06} {}", now / 1'000'000, now % 1'000'000, what));
}

void server_run::spawn(task<void> what) {
  ++tasks_;
  asio::co_spawn(
    asio::any_io_executor(loop_.get_executor()), std::move(what), [this](std::exception_ptr e) {
      --tasks_;
      try {
        if (e)
          std::rethrow_exception(e);
      } catch (const std::exception& x) {
        complain(std::string("exception: ") + x.what());
      }
    });
}

outcome server_run::run() {
  run_until_started();
  for (span at{}; const auto& s : scene_.steps) {
    at += s.gap;
    loop_.after(at, [this, &s] {
      if (!is_ending_)
        act(s);
    });
  }
  span last{};
  for (const auto& s : scene_.steps)
    last += s.gap;
  const auto until = loop_.now() + last + 1ms;
  bool is_over = false;
  loop_.after(until - loop_.now(), [&is_over] { is_over = true; });
  while (result_.problem.empty() && !is_over && loop_.step()) {
    // until all steps are taken
  }
  if (result_.problem.empty())
    end();
  stop();
  result_.hash = loop_.hash().value();
  result_.operations = last_moment_;
  result_.handlers = loop_.handlers_run();
  return std::move(result_);
}

void server_run::run_until_started() {
  spawn([](server_run& w) -> task<void> {
    co_await w.server_->start();
    w.is_started_ = true;
  }(*this));
  while (!is_started_ && result_.problem.empty() && loop_.step()) {
    // run handlers until the server has started
  }
  descriptors_before_ = descriptors_now();
}

void server_run::end() {
  note("all clients disconnect");
  is_ending_ = true;
  for (const auto& l : links_)
    l->on()->cut(1ms);
  bool is_over = false;
  loop_.after(long_enough, [&is_over] { is_over = true; });
  while (result_.problem.empty() && !is_over && loop_.step()) {
    // until nothing is pending
  }
  if (!result_.problem.empty())
    return;
  check_nothing_is_left();
  check_disk();
}

/// Stops the server, also after a problem. If the problem keeps it from stopping, leak it, since
/// handlers in the loop refer to it.
void server_run::stop() {
  is_ending_ = true;
  loop_.on_quiet({});
  spawn([](server_run& w) -> task<void> {
    co_await w.server_->stop();
    w.is_stopped_ = true;
  }(*this));
  const auto limit = loop_.now() + long_enough;
  while (loop_.now() < limit && loop_.step()) {
    // run all handlers
  }
  if (!is_stopped_) {
    complain("the server does not stop");
    static_cast<void>(server_.release());
    return;
  }
  server_.reset();
  while (loop_.step()) {
    // run the handlers that the destructor left
  }
}

void server_run::check_nothing_is_left() {
  const auto expect_none = [this](const char* what, std::uint64_t n) {
    if (n != 0)
      complain(std::string(what) + " left: " + std::to_string(n));
  };
  const auto s = server_->coordinator().stats();
  expect_none("opens", s.opens_now);
  expect_none("locks", s.locks_now);
  expect_none("breaks", s.breaking_now);
  expect_none("operations", s.waiting_now);
  expect_none("guards", s.waiting_for_guards_now);
  expect_none("clients", s.clients);
  expect_none("kept opens", server_->kept().size());
  expect_none("disk operations", server_->workers().operations());
  expect_none("tasks of clients", tasks_);
  if (const auto now = descriptors_now(); now != descriptors_before_)
    complain(fmt::format("{} descriptors, but {} before", now, descriptors_before_));
}

/// All remaining files contain their last writes, and all files that no client tried to delete
/// exist.
void server_run::check_disk() {
  std::set<std::uint64_t> there;
  for (const auto& name : the_disk().names()) {
    const auto file = the_disk().at(name);
    if (file == 0)
      continue;
    there.insert(file);
    const bool is_directory =
      std::find(directory_names.begin(), directory_names.end(), name) != directory_names.end();
    if (is_directory)
      continue;
    const auto value = the_disk().read(name);
    if (!contents_.may_read(file, value, last_moment_ + 1, last_moment_ + 1))
      complain(fmt::format("file {}, {}, has {} in the end", file, name, value));
  }
  for (const auto& name : doomed_names_)
    doom(name);
  for (const auto file : files_)
    if (!doomed_.contains(file) && !there.contains(file))
      complain(fmt::format("file {} is lost", file));
  for (const auto file : deleted_)
    if (there.contains(file) && !spared_.contains(file))
      complain(fmt::format("file {} should be deleted, but exists", file));
}

} // namespace leasebreak::smb::simulation
