// A process that writes to a store is killed again and again. Afterwards, everything that the store
// acknowledged must exist, and each batch as a whole or not at all.
#include "crash_batches.hpp"
#ifdef LEASEBREAK_HAS_POSTGRES
#include "postgres_server.hpp"
#endif
#include "records.hpp"
#include "store_site.hpp"

#include <leasebreak/persistence/store_uri.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

extern char** environ; // NOLINT: the name is POSIX's

namespace leasebreak::test {
namespace {

// The writer process and its output.
class crash_writer {
public:
  crash_writer(const std::string& uri, const std::string& mode) {
    std::array<int, 2> pipe_ends{};
    if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0)
      throw std::system_error(errno, std::generic_category(), "pipe2");
    output_ = pipe_ends[0];
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
    std::string program = LEASEBREAK_CRASH_WRITER;
    std::string first = uri;
    std::string second = mode;
    std::array<char*, 4> arguments{program.data(), first.data(), second.data(), nullptr};
    const int error =
      ::posix_spawn(&process_, program.c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(pipe_ends[1]);
    if (error != 0)
      throw std::system_error(error, std::generic_category(), program);
  }

  ~crash_writer() {
    kill();
    ::close(output_);
  }

  crash_writer(const crash_writer&) = delete;
  crash_writer& operator=(const crash_writer&) = delete;

  void kill() {
    if (process_ <= 0)
      return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }

  // Returns an empty line at the end.
  std::string line() {
    for (;;) {
      const auto end = buffer_.find('\n');
      if (end != std::string::npos) {
        auto text = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return text;
      }
      std::array<char, 4096> piece{};
      const auto size = ::read(output_, piece.data(), piece.size());
      if (size <= 0)
        return {};
      buffer_.append(piece.data(), static_cast<std::size_t>(size));
    }
  }

private:
  pid_t process_ = -1;
  int output_ = -1;
  std::string buffer_;
};

// Kills the writer after a random number of batches, at a time that depends on nothing else.
void kill_again_and_again(const std::string& uri, const std::string& mode, int rounds) {
  random_source random(test_seed());
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < rounds; ++round) {
    crash_writer writer(uri, mode);
    ASSERT_EQ(writer.line(), "ready");
    for (auto left = 1 + below(random, 30); left > 0; --left)
      acknowledged = std::stoull(writer.line());
    writer.kill();
    // Lines that it wrote before it died count, too.
    for (auto line = writer.line(); !line.empty(); line = writer.line())
      acknowledged = std::stoull(line);

    const auto store = open_store(uri);

    ASSERT_TRUE(store.ok()) << store.status.detail;
    const auto newest = newest_batch(*store.value);
    ASSERT_TRUE(newest.has_value());
    ASSERT_GE(*newest, acknowledged);
    // One more batch may have been written without being acknowledged.
    ASSERT_LE(*newest, acknowledged + 1);
  }
}

#ifdef LEASEBREAK_HAS_ROCKSDB
TEST(StoreCrash, RocksDbHasEveryAcknowledgedBatchAsAWhole) {
  const temporary_directory directory;
  kill_again_and_again("rocksdb:" + directory.path() + "/db", "durable", 12);
}

TEST(StoreCrash, RocksDbSurvivesTheProcessWithoutDurableModeToo) {
  const temporary_directory directory;
  kill_again_and_again("rocksdb:" + directory.path() + "/db", "fast", 12);
}

TEST(StoreCrash, RocksDbOfAnotherProcessIsStoreLocked) {
  const temporary_directory directory;
  const auto uri = "rocksdb:" + directory.path() + "/db";
  crash_writer writer(uri, "durable");
  ASSERT_EQ(writer.line(), "ready");

  EXPECT_EQ(open_store(uri).status.code, errc::store_locked);

  EXPECT_FALSE(writer.line().empty());
}
#endif

#ifdef LEASEBREAK_HAS_POSTGRES
TEST(StoreCrash, PostgresHasEveryAcknowledgedBatchAsAWhole) {
  const postgres_site site;
  kill_again_and_again("postgres:" + site.connection(), "durable", 8);
}
#endif

} // namespace
} // namespace leasebreak::test
