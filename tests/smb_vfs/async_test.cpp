// The completion rules of the worker pool, and each operation of async_share once.
#include "support.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>

namespace leasebreak::smb::vfs::testing {

namespace {

namespace asio = boost::asio;

/// Blocks one thread of a pool until `open` is called.
class gate {
public:
  /// Runs on the pool.
  [[nodiscard]] result<int> wait() {
    begun_.set_value();
    open_.get_future().wait();
    return 1;
  }
  void wait_until_begun() { begun_.get_future().wait(); }
  void open() { open_.set_value(); }

private:
  std::promise<void> begun_;
  std::promise<void> open_;
};

class WorkerPool : public ::testing::Test {
protected:
  /// Starts an operation that blocks the only thread.
  void occupy() {
    pool_->async_run<int>(
      io_.get_executor(), [g = gate_] { return g->wait(); },
      [this](error_code error, int) { occupied_ = error; });
    gate_->wait_until_begun();
  }

  std::shared_ptr<gate> gate_ = std::make_shared<gate>();
  asio::io_context io_;
  std::optional<worker_pool> pool_{pool_options{1, 2}};
  std::optional<error_code> occupied_;
};

TEST_F(WorkerPool, CompletesWithTheValueOnTheDefaultExecutor) {
  std::optional<int> seen;

  pool_->async_run<int>(
    io_.get_executor(), [] { return result<int>(7); },
    [&](error_code error, int value) {
      EXPECT_FALSE(error.failed());
      EXPECT_TRUE(io_.get_executor().running_in_this_thread());
      seen = value;
    });
  io_.run();

  EXPECT_EQ(seen, 7);
}

TEST_F(WorkerPool, CompletesWithTheErrorOfTheWork) {
  std::optional<error_code> seen;

  pool_->async_run<int>(
    io_.get_executor(), [] { return result<int>(error_code(errc::read_only)); },
    [&](error_code error, int value) {
      EXPECT_EQ(value, 0);
      seen = error;
    });
  io_.run();

  EXPECT_EQ(seen, errc::read_only);
}

TEST_F(WorkerPool, CompletesWithENOMEMWhenTheWorkRunsOutOfMemory) {
  std::optional<error_code> seen;

  pool_->async_run<void>(
    io_.get_executor(), []() -> error_code { throw std::bad_alloc(); },
    [&](error_code error) { seen = error; });
  io_.run();

  EXPECT_EQ(seen, from_errno(ENOMEM));
}

/// An executor of an I/O context, which fails to allocate for the first few functions.
class short_executor {
public:
  short_executor(asio::io_context& io, std::atomic<int>& failures)
    : io_(&io), failures_(&failures) {}

  asio::execution_context& query(asio::execution::context_t) const noexcept { return *io_; }
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
    return asio::execution::blocking.never;
  }
  template <class Function>
  void execute(Function f) const {
    if (failures_->fetch_sub(1) > 0) {
      throw std::bad_alloc();
    }
    asio::post(*io_, std::move(f));
  }
  friend bool operator==(const short_executor& a, const short_executor& b) noexcept {
    return a.io_ == b.io_;
  }
  friend bool operator!=(const short_executor& a, const short_executor& b) noexcept {
    return !(a == b);
  }

private:
  asio::io_context* io_;
  std::atomic<int>* failures_;
};

TEST_F(WorkerPool, WaitsForMemoryToCompleteWith) {
  std::atomic<int> failures{3};
  std::optional<int> seen;
  const auto work = asio::make_work_guard(io_);

  pool_->async_run<int>(
    short_executor(io_, failures), [] { return result<int>(7); },
    [&](error_code error, int value) {
      EXPECT_FALSE(error.failed());
      seen = value;
      io_.stop();
    });
  io_.run();

  EXPECT_EQ(seen, 7);
  EXPECT_LT(failures.load(), 0);
}

TEST_F(WorkerPool, CompletesOnTheAssociatedExecutor) {
  auto strand = asio::make_strand(io_);
  bool on_strand = false;

  pool_->async_run<void>(
    io_.get_executor(), [] { return error_code(); },
    asio::bind_executor(strand, [&](error_code) { on_strand = strand.running_in_this_thread(); }));
  io_.run();

  EXPECT_TRUE(on_strand);
}

TEST_F(WorkerPool, CompletesOnAnotherLoopWithoutADetour) {
  asio::io_context other;
  bool on_other = false;

  pool_->async_run<void>(
    io_.get_executor(), [] { return error_code(); },
    asio::bind_executor(asio::any_io_executor{other.get_executor()},
      [&](error_code) { on_other = other.get_executor().running_in_this_thread(); }));
  other.run(); // the default executor does not run at all

  EXPECT_TRUE(on_other);
}

TEST_F(WorkerPool, NeverCompletesInsideTheCallEvenWithAnInlineExecutor) {
  auto operation = pool_->async_run<void>(
    io_.get_executor(), [] { return error_code(); }, asio::deferred);
  pool_.reset();
  bool inside = true;
  std::promise<bool> seen;

  std::move(operation)(
    asio::bind_executor(asio::system_executor(), [&](error_code) { seen.set_value(inside); }));
  inside = false;
  io_.run();

  EXPECT_FALSE(seen.get_future().get());
}

TEST_F(WorkerPool, ASlowDiskDoesNotStallTheEventLoop) {
  occupy();
  bool loop_runs = false;

  asio::post(io_, [&] {
    loop_runs = true;
    EXPECT_FALSE(occupied_.has_value());
    gate_->open();
  });
  io_.run();

  EXPECT_TRUE(loop_runs);
  EXPECT_EQ(occupied_, error_code());
}

TEST_F(WorkerPool, RefusesOperationsAboveItsLimitAndRecovers) {
  occupy();
  std::vector<error_code> seen;
  const auto note = [&](error_code error) { seen.push_back(error); };
  const auto nothing = [] { return error_code(); };

  pool_->async_run<void>(io_.get_executor(), nothing, note);
  pool_->async_run<void>(io_.get_executor(), nothing, note);
  io_.run_one();
  EXPECT_THAT(seen, ::testing::ElementsAre(errc::too_many_operations));
  gate_->open();
  io_.run();
  EXPECT_EQ(pool_->operations(), 0U);
  pool_->async_run<void>(io_.get_executor(), nothing, note);
  io_.restart();
  io_.run();

  EXPECT_THAT(seen, ::testing::ElementsAre(errc::too_many_operations, error_code(), error_code()));
}

TEST_F(WorkerPool, AcceptsAsyncFinishAboveItsLimit) {
  occupy();
  std::vector<error_code> seen;
  const auto note = [&](error_code error) { seen.push_back(error); };
  const auto nothing = [] { return error_code(); };
  pool_->async_run<void>(io_.get_executor(), nothing, note);

  pool_->async_finish<void>(io_.get_executor(), nothing, note);
  gate_->open();
  io_.run();

  EXPECT_THAT(seen, ::testing::ElementsAre(error_code(), error_code()));
}

TEST_F(WorkerPool, ReleasesReferencesOnItsThreadsOrOnTheCallersAfterItsEnd) {
  std::promise<std::thread::id> where;
  const auto one = std::make_shared<int>(0);
  const auto tell = [&where, one](const int*) { where.set_value(std::this_thread::get_id()); };
  const pool_access access = pool_->access();

  access.discard(std::shared_ptr<int>(one.get(), tell));
  EXPECT_NE(where.get_future().get(), std::this_thread::get_id());

  pool_.reset();
  where = {};
  access.discard(std::shared_ptr<int>(one.get(), tell));
  EXPECT_EQ(where.get_future().get(), std::this_thread::get_id());
}

TEST_F(WorkerPool, CancellationEndsWaitingOperations) {
  occupy();
  asio::cancellation_signal signal;
  std::vector<error_code> seen;
  bool ran = false;
  pool_->async_run<void>(
    io_.get_executor(),
    [&] {
      ran = true;
      return error_code();
    },
    asio::bind_cancellation_slot(signal.slot(), [&](error_code error) { seen.push_back(error); }));

  signal.emit(asio::cancellation_type::total);
  signal.emit(asio::cancellation_type::terminal);
  io_.run_one();
  EXPECT_THAT(seen, ::testing::ElementsAre(asio::error::operation_aborted));
  gate_->open();
  io_.run();
  pool_.reset();

  EXPECT_EQ(seen.size(), 1U);
  EXPECT_FALSE(ran);
}

TEST_F(WorkerPool, CancellationDoesNotAffectRunningOperations) {
  asio::cancellation_signal signal;
  std::vector<error_code> seen;
  pool_->async_run<int>(
    io_.get_executor(), [g = gate_] { return g->wait(); },
    asio::bind_cancellation_slot(
      signal.slot(), [&](error_code error, int) { seen.push_back(error); }));
  gate_->wait_until_begun();

  signal.emit(asio::cancellation_type::terminal);
  gate_->open();
  io_.run();

  EXPECT_THAT(seen, ::testing::ElementsAre(error_code()));
}

TEST_F(WorkerPool, WaitingOperationsCompleteWithShuttingDownAtItsEnd) {
  occupy();
  std::optional<error_code> seen;
  pool_->async_run<void>(
    io_.get_executor(), [] { return error_code(); }, [&](error_code error) { seen = error; });

  std::thread opener([g = gate_] { g->open(); });
  // The thread may start the second operation before it is stopped; in any case it completes once.
  pool_.reset();
  opener.join();
  io_.run();

  ASSERT_TRUE(seen.has_value());
  EXPECT_TRUE(!seen->failed() || *seen == errc::shutting_down) << seen->message();
  EXPECT_EQ(occupied_, error_code());
}

TEST_F(WorkerPool, ADeferredOperationThatOutlivesItFailsWithShuttingDown) {
  auto operation = pool_->async_run<int>(
    io_.get_executor(), [] { return result<int>(1); }, asio::deferred);
  pool_.reset();
  std::optional<error_code> seen;

  std::move(operation)([&](error_code error, int) { seen = error; });
  io_.run();

  EXPECT_EQ(seen, errc::shutting_down);
}

TEST_F(WorkerPool, RefusesToBeBuiltWithoutThreadsOrOperations) {
  EXPECT_THROW(worker_pool(pool_options{0, 1}), std::invalid_argument);
  EXPECT_THROW(worker_pool(pool_options{1, 0}), std::invalid_argument);
  EXPECT_THROW(worker_pool(pool_options{1, 1, 0}), std::invalid_argument);
}

/// A pool of one blocked thread, and two lanes.
class PoolLanes : public WorkerPool {
protected:
  PoolLanes() { pool_.emplace(pool_options{1, 100, 3}); }

  void run(pool_lane lane, const std::string& what) {
    pool_->access().in(lane).async_run<void>(
      io_.get_executor(),
      [this, what] {
        ran_.push_back(what);
        return error_code();
      },
      [this](error_code error) { errors_ += error ? 1 : 0; });
  }

  const pool_lane many_ = new_lane();
  const pool_lane few_ = new_lane();
  std::vector<std::string> ran_; ///< By the pool's only thread.
  int errors_ = 0;
};

TEST_F(PoolLanes, AreServedInTurn) {
  occupy();
  run(many_, "many 1");
  run(many_, "many 2");
  run(many_, "many 3");
  run(few_, "few 1");

  gate_->open();
  io_.run();

  EXPECT_THAT(ran_, ::testing::ElementsAre("many 1", "few 1", "many 2", "many 3"));
}

TEST_F(PoolLanes, AreRefusedAboveTheirShareAlone) {
  occupy();
  for (int i = 0; i < 4; ++i)
    run(many_, "many");
  run(few_, "few");

  gate_->open();
  io_.run();

  EXPECT_EQ(errors_, 1);
  EXPECT_THAT(ran_, ::testing::ElementsAre("many", "few", "many", "many"));
}

TEST_F(PoolLanes, OfOneUserShareItsPart) {
  pool_options options{1, 100, 3};
  options.user_operations_max = 4;
  pool_.emplace(options);
  occupy();
  const pool_lane second{many_.user, few_.client};
  for (int i = 0; i < 3; ++i) {
    run(many_, "first");
    run(second, "second");
  }
  run(few_, "few");

  gate_->open();
  io_.run();

  EXPECT_EQ(errors_, 2);
  EXPECT_THAT(ran_, ::testing::ElementsAre("first", "few", "second", "first", "second"));
}

TEST_F(PoolLanes, LeaveAThreadToTheOthers) {
  pool_.emplace(pool_options{2, 100, 100});
  bool second_began = false;
  bool second_was_first = true;
  const auto note = [](error_code) {};
  pool_->access().in(many_).async_run<int>(
    io_.get_executor(), [g = gate_] { return g->wait(); }, [](error_code, int) {});
  gate_->wait_until_begun();
  pool_->access().in(many_).async_run<void>(
    io_.get_executor(),
    [&] {
      second_began = true;
      return error_code();
    },
    note);

  // The first operation ends after this one has run on the other thread.
  pool_->access().in(few_).async_run<void>(
    io_.get_executor(),
    [&] {
      second_was_first = second_began;
      gate_->open();
      return error_code();
    },
    note);
  io_.run();

  EXPECT_FALSE(second_was_first);
  EXPECT_TRUE(second_began);
}

TEST_F(PoolLanes, GiveUpReferencesInTurn) {
  occupy();
  run(many_, "many 1");
  run(many_, "many 2");
  int reference = 0;
  pool_->access().in(few_).discard(
    std::shared_ptr<int>(&reference, [this](int*) { ran_.push_back("discard"); }));

  gate_->open();
  io_.run();

  EXPECT_THAT(ran_, ::testing::ElementsAre("many 1", "discard", "many 2"));
}

TEST_F(WorkerPool, EveryOneOfManyCompletesOnce) {
  constexpr int rounds = 5000;
  worker_pool pool(pool_options{3, rounds});
  asio::thread_pool callers(2);
  std::atomic<int> done{0};

  for (int i = 0; i < rounds; ++i) {
    pool.async_run<int>(
      callers.get_executor(), [i] { return result<int>(i); },
      [&](error_code, int) { done.fetch_add(1); });
  }
  callers.join();

  EXPECT_EQ(done.load(), rounds);
}

class AsyncShare : public share_test {
protected:
  /// Runs an operation to its end on this thread's loop.
  template <class Operation>
  auto get(Operation operation) {
    io_.restart();
    auto future = std::move(operation)(asio::use_future);
    io_.run();
    return future.get();
  }

  asio::io_context io_;
  worker_pool pool_{pool_options{2, 64}};
  async_share async_{share_, pool_, io_.get_executor()};
};

TEST_F(AsyncShare, AFileLivesFromItsCreationToItsRemoval) {
  open_options options;
  options.how = disposition::create;
  options.read = options.write = true;

  const auto made = get(async_.async_open(at("file"), options));
  EXPECT_EQ(get(async_.async_write(made.file, 0, bytes("world"))), 5U);
  EXPECT_EQ(text(get(async_.async_read(made.file, 1, 10))), "orld");
  get(async_.async_flush(made.file));
  get(async_.async_set_end_of_file(made.file, 2));
  get(async_.async_set_allocation(made.file, 65536));
  EXPECT_EQ(get(async_.async_info(made.file)).end_of_file, 2U);
  EXPECT_EQ(get(async_.async_lookup(at("file"))).id, made.info.id);
  EXPECT_EQ(get(async_.async_streams(made.file)).size(), 1U);
  get(async_.async_rename(made.file, at("other"), false));
  get(async_.async_link(made.file, at("third"), false));
  get(async_.async_check_removable(made.file));
  get(async_.async_remove(made.file));
  get(async_.async_close(made.file));

  EXPECT_FALSE(exists("file"));
  EXPECT_FALSE(exists("other"));
  EXPECT_EQ(content("third"), "wo");
}

TEST_F(AsyncShare, BothPhasesOfAnOverwritingOpen) {
  put("file", "old");
  open_options options;
  options.how = disposition::overwrite;
  options.write = true;

  const auto open = get(async_.async_open(at("file"), options));
  EXPECT_EQ(content("file"), "old");
  const auto info = get(async_.async_truncate_for_overwrite(open));

  EXPECT_EQ(info.end_of_file, 0U);
  EXPECT_EQ(content("file"), "");
}

TEST_F(AsyncShare, UndoesACreation) {
  open_options options;
  options.how = disposition::create;

  const auto made = get(async_.async_open(at("file"), options));
  get(async_.async_undo_create(made));

  EXPECT_FALSE(exists("file"));
}

TEST_F(AsyncShare, ListsADirectory) {
  put("a");
  put("b");
  const auto directory = get(async_.async_open(at(""), {}));

  const auto cursor = get(async_.async_list(directory.file, "*", false));
  const auto batch = get(async_.async_next(cursor, 10));

  EXPECT_EQ(batch.entries.size(), 4U);
  EXPECT_TRUE(batch.end);
}

TEST_F(AsyncShare, ChangesByOpenAndByPath) {
  put("file");
  basic_changes changes;
  changes.attributes = attribute::hidden;
  const auto open = get(async_.async_open(at("file"), {}));

  get(async_.async_change(open.file, changes));
  const auto info = get(async_.async_change_path(at("file"), {{}, 3, {}}));

  EXPECT_EQ(info.attributes, attribute::hidden);
  EXPECT_EQ(info.end_of_file, 3U);
}

TEST_F(AsyncShare, RenamesAStreamAndTellsTheSpace) {
  open_options options;
  options.how = disposition::create;
  options.write = true;
  const auto open = get(async_.async_open(at("file:one"), options));

  get(async_.async_rename_stream(open.file, ":two:$DATA", false));

  EXPECT_EQ(open.file->stream(), "two");
  EXPECT_GT(get(async_.async_space()).total_blocks, 0U);
}

TEST_F(AsyncShare, ErrorsComeAsErrorCodesInCoroutines) {
  std::optional<error_code> seen;

  asio::co_spawn(
    io_,
    [&]() -> asio::awaitable<void> {
      const auto [error, info] =
        co_await async_.async_lookup(at("missing"), asio::as_tuple(asio::use_awaitable));
      seen = error;
    },
    [](std::exception_ptr failure) { EXPECT_EQ(failure, nullptr); });
  io_.run();

  EXPECT_EQ(seen, errc::name_not_found);
}

} // namespace

} // namespace leasebreak::smb::vfs::testing
