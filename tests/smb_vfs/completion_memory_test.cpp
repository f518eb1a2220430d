// Completions when memory is short: lets each allocation fail once, one after the other. A separate
// program, because it replaces the allocator of the whole process.
#include "vfs/completion.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace {

/// Counts down to the allocation that fails; 0: none fails.
std::size_t until_failure = 0;

} // namespace

void* operator new(std::size_t size) {
  if (until_failure > 0 && --until_failure == 0)
    throw std::bad_alloc{};
  if (void* memory = std::malloc(size == 0 ? 1 : size))
    return memory;
  throw std::bad_alloc{};
}

// Asio allocates executors with it.
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

namespace leasebreak::smb::vfs::detail {
namespace {

namespace asio = boost::asio;

// Asio reports no error if it cannot allocate memory for the handler's executor.
TEST(CompletionsWithoutMemory, AreRefusedOrToldOnTheHandlersExecutor) {
  asio::io_context io;
  const auto strand = asio::make_strand(io.get_executor());
  const asio::any_io_executor user(strand); // like a coroutine's executor
  std::size_t refused = 0;
  bool all_had_memory = false;
  for (std::size_t number = 1; !all_had_memory; ++number) {
    ASSERT_LT(number, 1'000U) << "the loop does not end";
    int calls = 0;
    std::shared_ptr<completion<int>> made;
    try {
      const asio::any_io_executor home(io.get_executor());
      work_handler<int> handler(asio::bind_executor(user, [&](error_code, int value) {
        EXPECT_TRUE(strand.running_in_this_thread());
        calls += value;
      }));
      until_failure = number;
      made = std::make_shared<completion<int>>(home, std::move(handler));
      all_had_memory = std::exchange(until_failure, 0) != 0;
    } catch (const std::bad_alloc&) {
      until_failure = 0;
      ++refused;
      continue;
    }
    completion<int>::send(
      std::exchange(made, nullptr), {}, 1); // releases its work guard of the loop
    io.restart();
    io.run();
    EXPECT_EQ(calls, 1);
  }
  EXPECT_GT(refused, 1U);
}

} // namespace
} // namespace leasebreak::smb::vfs::detail
