// The thread of a store, and its end.
#include "durability/store_writer.hpp"

#include <leasebreak/persistence/memory_store.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace leasebreak::test {
namespace {

using detail::store_writer;

/// A store that takes some time to close, and then reports it.
std::shared_ptr<lock_store> slow_to_close(std::atomic<bool>& closed) {
  return {new memory_store, [&closed](lock_store* store) {
            for (int i = 0; i < 1'000; ++i)
              std::this_thread::yield();
            delete store;
            closed = true;
          }};
}

TEST(StoreWriter, HasReleasedTheStoreWhenItHasFinished) {
  for (int i = 0; i < 20; ++i) {
    std::atomic<bool> closed{false};
    store_writer writer{slow_to_close(closed)};

    ASSERT_TRUE(writer.finish(std::chrono::seconds{60}));

    ASSERT_TRUE(closed);
  }
}

TEST(StoreWriter, WaitsForAStoreForEverIfConfigured) {
  for (int i = 0; i < 20; ++i) {
    std::atomic<bool> closed{false};
    store_writer writer{slow_to_close(closed)};

    ASSERT_TRUE(writer.finish(duration::max()));

    ASSERT_TRUE(closed);
  }
}

} // namespace
} // namespace leasebreak::test
