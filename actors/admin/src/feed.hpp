// What is behind an `event_feed`.
#pragma once

#include "event_reader.hpp"
#include "top_list.hpp"

#include <leasebreak/admin/event_feed.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

/// Which list is meant.
enum class top_of : std::uint8_t { blockers, files };

/// Thread-safe. The mutex is held while events are queued, which never waits.
class LEASEBREAK_HIDDEN event_feed::state {
public:
  void publish(const event& e);
  void add(event_reader& reader);
  void remove(event_reader& reader);
  [[nodiscard]] std::vector<top_list::entry> top(top_of what, time_point now, std::size_t most);

private:
  std::atomic<std::size_t> readers_count_{0};
  std::mutex readers_mutex_;
  std::vector<event_reader*> readers_;
  std::mutex top_mutex_;
  top_list blockers_;
  top_list files_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
