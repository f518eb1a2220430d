// Logons without memory: each allocation of a logon fails once, one after another, including those
// of OpenSSL. This is a separate program, because it replaces the allocators of the whole process.
#include "initiator.hpp"

#include <smb_server/auth/logon.hpp>

#include <openssl/crypto.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

namespace {

/// Counts down to the failing allocation. 0: none fails.
std::size_t until_failure = 0;

/// Simulates one failed allocation.
bool fails_now() noexcept {
  return until_failure > 0 && --until_failure == 0;
}

void* openssl_malloc(std::size_t size, const char* /*file*/, int /*line*/) {
  return fails_now() ? nullptr : std::malloc(size);
}

void* openssl_realloc(void* old, std::size_t size, const char* /*file*/, int /*line*/) {
  return fails_now() ? nullptr : std::realloc(old, size);
}

void openssl_free(void* memory, const char* /*file*/, int /*line*/) {
  std::free(memory);
}

/// OpenSSL accepts other allocators only before its first allocation.
const bool replaced = CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) == 1;

} // namespace

void* operator new(std::size_t size) {
  if (fails_now())
    throw std::bad_alloc{};
  if (void* memory = std::malloc(size == 0 ? 1 : size))
    return memory;
  throw std::bad_alloc{};
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace leasebreak::smb {
namespace {

using testing::initiator;
using outcome = logon_step::outcome;

constexpr std::size_t allocations_max = 100'000; // a longer sweep would never end
const std::string computer = "server";

const account_list& one_account() {
  static const account_list list{{{"user", "pass"}}, "WORKGROUP"};
  return list;
}

/// Returns the outcome of a logon whose server-side allocation `number` fails. Returns nothing if
/// the server reported a lack of memory.
std::optional<outcome> log_on(const std::string& password, std::size_t number, bool& failed) {
  logon server{one_account(), computer};
  initiator client{"user", password};
  byte_vector token = client.step({});
  failed = false;
  for (;;) {
    logon_step step;
    try {
      until_failure = number;
      step = server.step(token);
      number = std::exchange(until_failure, 0);
      failed = number == 0;
    } catch (const std::bad_alloc&) {
      failed = true;
      return std::nullopt;
    } catch (const std::runtime_error&) { // OpenSSL does not report why it fails
      until_failure = 0;
      failed = true;
      return std::nullopt;
    }
    if (step.result != outcome::more)
      return step.result;
    token = client.step(step.token);
  }
}

/// Calls `check` with the outcome for each failed allocation. Returns the number of allocations.
template <class Check>
std::size_t sweep(const std::string& password, Check check) {
  for (std::size_t number = 1; number < allocations_max; ++number) {
    bool failed = false;
    const std::optional<outcome> end = log_on(password, number, failed);
    if (!failed)
      return number - 1;
    check(number, end);
  }
  return allocations_max;
}

TEST(LogonsWithoutMemory, NeverSayThatTheRightPasswordIsWrong) {
  ASSERT_TRUE(replaced);
  const std::size_t count = sweep("pass", [](std::size_t number, std::optional<outcome> end) {
    EXPECT_TRUE(!end || *end == outcome::done) << "allocation " << number;
    bool failed = false;
    EXPECT_EQ(log_on("pass", 0, failed), outcome::done) << "after allocation " << number;
  });

  EXPECT_GT(count, 20U);
  EXPECT_LT(count, allocations_max);
}

TEST(LogonsWithoutMemory, NeverAcceptAWrongPassword) {
  ASSERT_TRUE(replaced);
  const std::size_t count = sweep("wrong", [](std::size_t number, std::optional<outcome> end) {
    EXPECT_TRUE(!end || *end == outcome::refused) << "allocation " << number;
  });

  EXPECT_GT(count, 20U);
  EXPECT_LT(count, allocations_max);
}

} // namespace
} // namespace leasebreak::smb
