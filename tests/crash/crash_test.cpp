// Everything that a coordinator has granted in durable mode is in the store, no matter when the
// process is killed.
#include "support/seed.hpp"

#include <leasebreak/persistence/rocksdb_store.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace leasebreak {
namespace {

constexpr int runs = 30;

// The grants on a file that the child has reported, until it reports the close.
struct granted {
  std::string client;
  std::string key;
  std::set<std::uint64_t> locks;
  std::uint64_t open = 0; ///< 0: not persistent.
};

using held_files = std::map<std::string, granted>;

// The child process.
class child {
public:
  child(const std::string& path, int run, std::uint64_t seed) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    const auto run_text = std::to_string(run);
    const auto seed_text = std::to_string(seed);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execl(CRASH_CHILD, CRASH_CHILD, path.c_str(), run_text.c_str(), seed_text.c_str(), nullptr);
      std::_Exit(127);
    }
    ::close(ends[1]);
    output_ = ::fdopen(ends[0], "r");
  }
  ~child() {
    kill();
    std::fclose(output_);
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  /// Returns the next complete line, or an empty string at the end.
  std::string line() {
    std::string text;
    for (int c = std::fgetc(output_); c != EOF; c = std::fgetc(output_)) {
      if (c == '\n')
        return text;
      text.push_back(static_cast<char>(c));
    }
    return {};
  }

  /// Kills the child. Returns its exit status, or the negative number of the signal that ended it.
  int kill() {
    if (pid_ == 0)
      return status_;
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    status_ = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? -SIGKILL : status;
    return status_;
  }

private:
  pid_t pid_ = 0;
  int status_ = 0;
  std::FILE* output_ = nullptr;
};

void take(const std::string& line, held_files& held, std::set<std::string>& closed) {
  std::istringstream words(line);
  std::string kind;
  words >> kind;
  if (kind == "L") {
    granted g;
    std::string file;
    words >> g.client >> g.key >> file >> g.open;
    held[file] = g;
  } else if (kind == "R") {
    std::string file;
    std::uint64_t offset = 0;
    words >> file >> offset;
    held.at(file).locks.insert(offset);
  } else if (kind == "D") {
    std::string file;
    words >> file;
    closed.insert(file);
  } else if (kind == "C") {
    std::string file;
    words >> file;
    held.erase(file);
  } else {
    FAIL() << "unknown line " << line;
  }
}

lock_query of_file(const std::string& file) {
  lock_query query;
  query.file_id = file;
  return query;
}

void expect_stored(lock_store& store, const held_files& held) {
  for (const auto& [file, g] : held) {
    const auto found = store.list(of_file(file));
    ASSERT_TRUE(found.ok()) << found.status.detail;
    EXPECT_TRUE(found.value.malformed.empty());
    bool has_lease = false;
    std::uint64_t open = 0;
    std::set<std::uint64_t> locks;
    for (const auto& record : found.value.records) {
      if (record.is_open()) {
        open = record.open->id;
        EXPECT_EQ(record.client_id, g.client);
        EXPECT_EQ(record.open->server_state, file);
        continue;
      }
      const auto lock = to_enhanced_lock(record);
      EXPECT_EQ(lock.owner.client_id, g.client);
      if (lock.lease)
        has_lease = has_lease ||
          (to_string(lock.lease->key) == g.key && lock.lease->state == lease_state::rwh);
      else
        locks.insert(lock.range.offset);
    }
    EXPECT_EQ(open, g.open) << "the open of " << file << " is lost or invented";
    EXPECT_TRUE(has_lease) << "the lease on " << file << " is lost";
    for (const auto offset : g.locks)
      EXPECT_TRUE(locks.contains(offset))
        << "the lock at " << offset << " of " << file << " is lost";
  }
}

void expect_gone(lock_store& store, const std::set<std::string>& closed) {
  for (const auto& file : closed) {
    const auto found = store.list(of_file(file));
    ASSERT_TRUE(found.ok()) << found.status.detail;
    EXPECT_TRUE(found.value.records.empty()) << file << " is closed";
  }
}

TEST(Crash, EveryAcknowledgedGrantSurvivesAKill) {
  const auto seed = test::seed_of_this_run();
  std::mt19937_64 random(seed);
  std::string folder =
    (std::filesystem::temp_directory_path() / "leasebreak-crash-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto path = folder + "/store";
  std::size_t grants = 0;

  for (int run = 1; run <= runs; ++run) {
    held_files held;
    std::set<std::string> closed;
    child granting(path, run, random());
    const auto lines = 1 + random() % 400;
    for (std::size_t i = 0; i < lines; ++i) {
      const auto line = granting.line();
      ASSERT_FALSE(line.empty()) << "run " << run << ": the child exited by itself, status "
                                 << granting.kill();
      take(line, held, closed);
    }
    ASSERT_EQ(granting.kill(), -SIGKILL);
    // Lines that the child wrote to the pipe before the kill count as well.
    for (auto line = granting.line(); !line.empty(); line = granting.line())
      take(line, held, closed);
    grants += held.size();

    auto store = open_rocksdb_store(path);
    ASSERT_TRUE(store.ok()) << store.status.detail;
    expect_stored(*store.value, held);
    expect_gone(*store.value, closed);
    const auto clean = store.value->clean_shutdown();
    ASSERT_TRUE(clean.ok());
    EXPECT_FALSE(clean.value);
    const auto epoch = store.value->server_epoch();
    ASSERT_TRUE(epoch.ok());
    EXPECT_EQ(epoch.value, static_cast<std::uint64_t>(run));
    if (testing::Test::HasFailure())
      break;
  }

  std::cout << grants << " grants held at " << runs << " kills, all recovered\n";
  EXPECT_GT(grants, 0U);
  std::filesystem::remove_all(folder);
}

} // namespace
} // namespace leasebreak
