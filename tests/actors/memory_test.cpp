// Exhausted memory: each allocation fails once, one after another, in a process of its own. An
// initiating function throws without effect. Later, an operation cannot be refused, and the process
// ends with a line that says so. Nothing hangs, and no wrong result is reported.
#include "api/coordinator_impl.hpp"
#include "support/two_clients.hpp"

#include <leasebreak/persistence/memory_store.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// Counts this thread's allocations down to the one at which something happens; 0: nothing happens.
thread_local std::size_t until_failure = 0;
/// Runs at that allocation; if null, the allocation fails.
std::function<void()>* instead_of_failure = nullptr;
bool no_threads = false;

} // namespace

void* operator new(std::size_t size) {
  if (until_failure > 0 && --until_failure == 0) {
    if (instead_of_failure == nullptr)
      throw std::bad_alloc{};
    (*instead_of_failure)();
  }
  if (void* memory = std::malloc(size == 0 ? 1 : size))
    return memory;
  throw std::bad_alloc{};
}

// For std::stable_sort and other functions that can do without the memory.
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  try {
    return ::operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace leasebreak::test {
namespace {

constexpr std::size_t allocations_max = 5'000; // a longer sweep never ends

/// The exit codes of a child process.
enum outcome { refused = 10, completed = 11, none_failed = 12, wrong = 13 };

struct tally {
  int refused = 0;
  int completed = 0;
  int ended = 0; ///< Ended with the line.
  std::string problem;
};

/// Runs `scene` in a child process; returns its standard error output and its status.
int run_child(const std::function<int()>& scene, std::string& said) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  std::cout.flush();
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    std::signal(SIGABRT, SIG_DFL);
    _exit(scene());
  }
  close(ends[1]);
  said.clear();
  char buffer[512];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

/// Runs `scene` once for each allocation, which fails.
tally sweep(const std::function<int(std::size_t)>& scene) {
  tally t;
  for (std::size_t n = 1; n < allocations_max; ++n) {
    std::string said;
    const int status = run_child([&] { return scene(n); }, said);
    const bool has_line = said.find("leasebreak: no memory left ") != std::string::npos;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && has_line)
      ++t.ended;
    else if (WIFEXITED(status) && WEXITSTATUS(status) == refused)
      ++t.refused;
    else if (WIFEXITED(status) && WEXITSTATUS(status) == completed)
      ++t.completed;
    else if (WIFEXITED(status) && WEXITSTATUS(status) == none_failed)
      return t;
    else {
      t.problem =
        "allocation " + std::to_string(n) + ", status " + std::to_string(status) + ": " + said;
      return t;
    }
  }
  t.problem = "it never ends";
  return t;
}

constexpr channel_id first_channel{connection_id{8}, session_id{80}};
constexpr channel_id second_channel{connection_id{9}, session_id{80}};

/// The initial state: alice holds a lease and a lock on "f", and an open of "g" in a session with
/// two channels.
struct held {
  explicit held(two_clients& w) {
    open = w.open(two_clients::alice, "f", 1).open;
    w.start(lock_request{"f", open, {{{0, 1}, true}}});
    for (const auto& c : {first_channel, second_channel})
      EXPECT_FALSE(w.c->add_channel(two_clients::alice, c, 0x311));
    auto r = two_clients::request(two_clients::alice, "g", 2);
    r.connection = first_channel.connection;
    r.session = first_channel.session;
    r.tree = tree_id{1};
    w.start(std::move(r));
    w.settle();
  }
  open_id open;
};

using initiate = std::function<void(two_clients&, const held&, int& calls)>;

struct operation_kind {
  const char* name;
  std::uint64_t opens_left; ///< After completion.
  initiate start;
};

std::vector<operation_kind> all_kinds() {
  const auto counts = [](int& calls) { return [&calls](auto&&...) { ++calls; }; };
  return {
    {"open", 3,
      [=](two_clients& w, const held&, int& calls) {
        w.c->async_open(
          two_clients::request(two_clients::bob, "a new file with a name that is long", 7),
          counts(calls));
      }},
    {"lock", 2,
      [=](two_clients& w, const held& h, int& calls) {
        w.c->async_lock({"f", h.open, {{{5, 1}, true}}}, counts(calls));
      }},
    {"access", 2,
      [=](two_clients& w, const held&, int& calls) {
        w.c->async_access(
          {"another file with a name that is long", access_kind::replace, {}, two_clients::bob},
          counts(calls));
      }},
    {"close", 1,
      [=](two_clients& w, const held& h, int& calls) {
        w.c->async_close({"f", h.open}, counts(calls));
      }},
    {"disconnect", 0,
      [=](two_clients& w, const held&, int& calls) {
        w.c->async_disconnect({two_clients::alice, {}}, counts(calls));
      }},
    {"lost_connection", 2, // the session has another channel
      [=](two_clients& w, const held&, int& calls) {
        w.c->async_disconnect({two_clients::alice, first_channel.connection}, counts(calls));
      }},
    {"end_session", 1,
      [=](two_clients& w, const held&, int& calls) {
        w.c->async_end_session({two_clients::alice, first_channel.session}, counts(calls));
      }},
    {"end_tree", 1,
      [=](two_clients& w, const held&, int& calls) {
        w.c->async_end_tree({two_clients::alice, first_channel.session, tree_id{1}}, counts(calls));
      }},
    {"list", 2,
      [=](two_clients& w, const held&, int& calls) { w.c->async_list({}, counts(calls)); }},
    {"shutdown", 2,
      [=](two_clients& w, const held&, int& calls) { w.c->async_shutdown(counts(calls)); }},
  };
}

class EachInitiatingFunction : public testing::TestWithParam<std::size_t> {};

TEST_P(EachInitiatingFunction, ThrowsAndHasChangedNothing) {
  const auto kind = all_kinds()[GetParam()];

  const auto t = sweep([&](std::size_t n) -> int {
    two_clients w;
    const held h(w);
    const auto before = w.c->stats();
    int calls = 0;
    bool threw = false;
    until_failure = n;
    try {
      kind.start(w, h, calls);
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    const bool failed = until_failure == 0;
    until_failure = 0;
    w.settle();
    if (calls != (threw ? 0 : 1))
      return wrong;
    if (!threw && w.c->stats().opens_now != kind.opens_left)
      return wrong;
    if (!threw)
      return failed ? completed : none_failed;
    const auto after = w.c->stats();
    if (after.opens_now != before.opens_now || after.locks_now != before.locks_now ||
      after.clients != before.clients || after.waiting_now != 0)
      return wrong;
    kind.start(w, h, calls); // as if nothing had happened
    w.settle();
    return calls == 1 && w.c->stats().opens_now == kind.opens_left ? refused : wrong;
  });

  EXPECT_EQ(t.problem, "");
  EXPECT_GT(t.refused, 0);
}

INSTANTIATE_TEST_SUITE_P(Memory, EachInitiatingFunction,
  testing::Range(std::size_t{0}, all_kinds().size()),
  [](const auto& kind) { return all_kinds()[kind.param].name; });

/// Alice's lease is broken for bob's open. Handlers and sinks allocate nothing: their memory is the
/// concern of the host.
struct break_scene {
  break_scene() {
    const auto counts_break = [this](const auto&, const auto&, const auto&) { ++told; };
    c.register_client(two_clients::alice, counts_break);
    c.register_client(two_clients::bob, counts_break);
    c.async_open(
      two_clients::request(two_clients::alice, "f", 1), [](error_code, const open_result&) {});
    settle();
  }
  void settle() {
    io.restart();
    io.poll();
  }
  /// Runs what is ready, with the n-th allocation failing. Returns whether one failed.
  bool settle_without(std::size_t n) {
    until_failure = n;
    settle();
    return std::exchange(until_failure, 0) == 0;
  }

  asio::io_context io;
  coordinator c{io.get_executor()};
  int told = 0;
};

// Everything on the executor for a break and an acknowledgement, with a pending open.
TEST(MemoryInTurns, EndsTheProcessWithALineOrIsNotMissed) {
  const auto t = sweep([](std::size_t n) -> int {
    break_scene s;
    int opened = 0;
    int acknowledged = 0;
    errc how{};
    s.c.async_open(
      two_clients::request(two_clients::bob, "f", 2), [&](error_code ec, const open_result&) {
        ++opened;
        how = to_errc(ec);
      });
    bool failed = s.settle_without(n);
    if (s.told != 1)
      return wrong;
    s.c.async_acknowledge(
      lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh},
      [&](error_code, lease_state) { ++acknowledged; });
    failed = failed || s.settle_without(n);
    s.settle();
    if (opened != 1 || acknowledged != 1 || how != errc::success)
      return wrong;
    return failed ? completed : none_failed;
  });

  EXPECT_EQ(t.problem, "");
  EXPECT_GT(t.ended, 0);
}

// A hold and a guard end in destructors, which cannot throw.
template <class Claim>
tally sweep_end_of_claim(const std::function<void(coordinator&, Claim&)>& take) {
  return sweep([&](std::size_t n) -> int {
    break_scene s;
    Claim claim;
    take(s.c, claim);
    s.settle();
    if (!claim)
      return wrong;
    until_failure = n;
    claim.release();
    const bool failed = std::exchange(until_failure, 0) == 0;
    s.settle();
    return failed ? completed : none_failed;
  });
}

TEST(MemoryInDestructors, EndOfAHoldEndsTheProcessWithALine) {
  const auto t = sweep_end_of_claim<hold>([](coordinator& c, hold& claim) {
    c.async_access({"g", access_kind::replace, {}, two_clients::bob},
      [&claim](error_code, access_result allowed) { claim = std::move(allowed.hold); });
  });

  EXPECT_EQ(t.problem, "");
  EXPECT_GT(t.ended, 0);
}

TEST(MemoryInDestructors, EndOfAGuardEndsTheProcessWithALine) {
  const auto t = sweep_end_of_claim<entry_guard>([](coordinator& c, entry_guard& claim) {
    c.async_guard_entry(
      {"directory", "name"}, [&claim](error_code, entry_guard guard) { claim = std::move(guard); });
  });

  EXPECT_EQ(t.problem, "");
  EXPECT_GT(t.ended, 0);
}

// -- operations that are started during a shutdown

/// Stops the coordinator within the n-th allocation of an initiating function, as another thread
/// could.
int stop_meanwhile(std::size_t n, const std::function<void(two_clients&, int&, errc&)>& start) {
  two_clients w;
  for (int i = 0; i < 5; ++i)
    w.open(two_clients::alice, "f" + std::to_string(i), 0);
  int calls = 0;
  errc how{};
  auto& inside = w.inside();
  std::function<void()> stop = [&] {
    instead_of_failure = nullptr;
    inside.stop();
  };
  instead_of_failure = &stop;
  until_failure = n;
  start(w, calls, how);
  const bool stopped = instead_of_failure == nullptr;
  until_failure = 0;
  instead_of_failure = nullptr;
  w.settle();
  if (calls != 1)
    return wrong;
  if (!stopped)
    return how == errc::success ? none_failed : wrong;
  return how == errc::shutting_down || how == errc::success ? completed : wrong;
}

TEST(StopWithinAnInitiatingFunction, OfADisconnectIsNoticed) {
  const auto t = sweep([](std::size_t n) {
    return stop_meanwhile(n, [](two_clients& w, int& calls, errc& how) {
      w.c->async_disconnect({two_clients::alice, {}}, [&](error_code ec, const disconnect_result&) {
        ++calls;
        how = to_errc(ec);
      });
    });
  });

  EXPECT_EQ(t.problem, "");
  EXPECT_GT(t.completed, 5);
}

TEST(StopWithinAnInitiatingFunction, OfAListIsNoticed) {
  const auto t = sweep([](std::size_t n) {
    return stop_meanwhile(n, [](two_clients& w, int& calls, errc& how) {
      lock_query of_alice;
      of_alice.client_id = to_string(two_clients::alice);
      w.c->async_list(of_alice, [&](error_code ec, const std::vector<listed_entry>&) {
        ++calls;
        how = to_errc(ec);
      });
    });
  });

  EXPECT_EQ(t.problem, "");
  EXPECT_GT(t.completed, 5);
}

// -- threads

TEST(Threads, ThatCannotBeHadForTheStoreAreAnErrorOfTheStart) {
  coordinator_config config;
  config.store = std::make_shared<memory_store>();
  two_clients w(two_clients::time::real, config);
  const auto start = [&] {
    auto& p = w.start(detail::start_request{});
    w.settle_until([&] { return p.done(); });
    return p.error();
  };

  no_threads = true;
  EXPECT_EQ(start(), errc::no_thread);
  no_threads = false;

  EXPECT_EQ(start(), errc::success) << "it may be tried again";
  EXPECT_NE(w.open(two_clients::alice, "f", 1).open, open_id::none);
}

} // namespace
} // namespace leasebreak::test

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
  void* (*run)(void*), void* argument) noexcept {
  if (no_threads)
    return EAGAIN;
  static const auto real =
    reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return real(thread, attributes, run, argument);
}
