// SipHash against published values, and a check that the hashes in use have a key.
#include "sip_hash.hpp"

#include <leasebreak/model/keyed_hash.hpp>

#include <gtest/gtest.h>

#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace leasebreak {
namespace {

using detail::sip_hash;
constexpr detail::sip_key key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

std::string counted(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i)
    bytes += static_cast<char>(i);
  return bytes;
}

// Appendix A of the paper, and its authors' vectors.
TEST(SipHash, OfTwoAndFourRoundsIsThatOfItsPaper) {
  EXPECT_EQ((sip_hash<2, 4>(key, counted(15))), 0xa129ca6149be45e5U);
  EXPECT_EQ((sip_hash<2, 4>(key, "")), 0x726fdb47dd0e0e31U);
  EXPECT_EQ((sip_hash<2, 4>(key, counted(8))), 0x93f5f5799a932462U);
}

TEST(SipHash, OfOneAndThreeRoundsIsThatOfOthers) {
  EXPECT_EQ((sip_hash<1, 3>(key, "")), 0xabac0158050fc4dcU);
}

TEST(KeyedHash, IsTheSameInOneProcess) {
  EXPECT_EQ(keyed_hash("a"), keyed_hash("a"));
  EXPECT_NE(keyed_hash("a"), keyed_hash("b"));
  EXPECT_NE(keyed_hash("a"), keyed_hash("a", 1));
  EXPECT_NE(keyed_hash(std::string_view("a\0", 2)), keyed_hash("a"));
}

/// Returns the hash of another process, which runs this program again.
std::uint64_t hash_of_another_process() {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    setenv("LEASEBREAK_PRINT_HASH", "1", 1);
    execl("/proc/self/exe", "sip_hash_test", "--gtest_filter=KeyedHash.Print",
      "--gtest_also_run_disabled_tests", static_cast<char*>(nullptr));
    _exit(1);
  }
  close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const auto at = text.find("hash=");
  EXPECT_NE(at, std::string::npos) << text;
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + 5));
}

TEST(KeyedHash, Print) {
  if (getenv("LEASEBREAK_PRINT_HASH") != nullptr)
    printf("hash=%llu\n", static_cast<unsigned long long>(keyed_hash("a")));
}

TEST(KeyedHash, IsAnotherInAnotherProcess) {
  EXPECT_NE(hash_of_another_process(), keyed_hash("a"));
  EXPECT_NE(hash_of_another_process(), hash_of_another_process());
}

} // namespace
} // namespace leasebreak
