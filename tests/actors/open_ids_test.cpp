// The ids of opens: none is used twice.
#include "files/open_ids.hpp"

#include "runtime/unique_number.hpp"
#include "support/faulty_store.hpp"
#include "support/two_clients.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace leasebreak::test {
namespace {

using detail::number_blocks;
using detail::open_ids;

std::uint64_t number(open_id id) {
  return static_cast<std::uint64_t>(id);
}

// Run by the test below in child processes.
TEST(OpenIds, Print) {
  if (std::getenv("LEASEBREAK_PRINT_ID") != nullptr)
    std::printf("id=%llu\n", static_cast<unsigned long long>(number(open_ids{}.next())));
}

std::uint64_t first_id_of_a_process() {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    setenv("LEASEBREAK_PRINT_ID", "1", 1);
    execl("/proc/self/exe", "open_ids_test", "--gtest_filter=OpenIds.Print",
      static_cast<char*>(nullptr));
    _exit(1);
  }
  close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const auto at = text.find("id=");
  EXPECT_NE(at, std::string::npos) << text;
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + 3));
}

TEST(OpenIds, OfALaterProcessAreOthersAlsoWithoutAStore) {
  const auto first = first_id_of_a_process();
  const auto second = first_id_of_a_process();

  EXPECT_GT(second, first + number_blocks<open_id>::size);
}

TEST(OpenIds, OfTheMemoryStoreAreThoseOfTheProcess) {
  two_clients w(two_clients::time::driven);
  coordinator_config config;
  config.store = std::make_shared<memory_store>();
  two_clients with_store(two_clients::time::driven, config);
  with_store.start(detail::start_request{});
  with_store.settle();

  const auto a = number(w.open(two_clients::alice, "f", 0).open);
  const auto b = number(with_store.open(two_clients::alice, "f", 0).open);

  EXPECT_NE(a, b);
  EXPECT_EQ(a >> 40U, b >> 40U) << "both begin with the time of the process";
}

TEST(OpenIds, AreBySoManyStartsOfAStore) {
  coordinator_config config;
  const auto store = std::make_shared<faulty_store>(); // it outlives its users, like a disk
  config.store = store;
  std::set<open_id> seen;
  for (std::uint64_t start = 1; start <= 3; ++start) {
    two_clients w(two_clients::time::driven, config);
    w.start(detail::start_request{});
    w.settle();

    const auto id = w.open(two_clients::alice, "f", 0).open;

    EXPECT_EQ(number(id) >> 40U, start);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

// The remaining numbers of this process are skipped, up to shortly before they exceed the 40 bits.
TEST(OpenIds, GoOnIntoTheNextEpochWhichNoLaterStartHas) {
  coordinator_config config;
  const auto store = std::make_shared<faulty_store>();
  config.store = store;
  open_id last{};
  {
    two_clients w(two_clients::time::driven, config);
    w.start(detail::start_request{});
    w.settle();
    constexpr auto round = std::uint64_t{1} << 40U;
    constexpr auto size = number_blocks<open_id>::size;
    auto& blocks = number_blocks<open_id>::next;
    const auto rounds_before = blocks.load() * size / round;
    blocks.store((rounds_before + 1) * round / size - 1);
    std::set<open_id> seen;
    for (std::uint64_t i = 0; i < 3 * size; ++i) {
      auto& p = w.start(two_clients::request(two_clients::alice, "f", 1));
      w.settle();
      ASSERT_EQ(p.error(), errc::success);
      last = p.as<open_result>().open;
      ASSERT_TRUE(seen.insert(last).second);
      w.start(close_request{"f", last});
      w.settle();
      w.probes.clear();
    }
    w.advance(std::chrono::seconds{1});
    EXPECT_GT(number(last) >> 40U, 1U) << "they have passed the epoch's range";
  }

  two_clients next(two_clients::time::driven, config);
  next.start(detail::start_request{});
  next.settle();

  EXPECT_GT(number(next.open(two_clients::alice, "f", 0).open), number(last));
}

} // namespace
} // namespace leasebreak::test
