#include <leasebreak/testing/virtual_clock.hpp>

#include <leasebreak/detail/time_source.hpp>

#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

namespace {

// Records have wall-clock times, which must not look like the beginning of the epoch.
constexpr std::chrono::hours clock_wall_start{24 * 365 * 50};
// A steady time of zero could be confused with "never".
constexpr duration clock_steady_start{1};

} // namespace

/// Shared by the clock and the coordinators that use it.
struct virtual_clock::state {
  class alarm_of_one;
  class clock_of_one;

  /// When an alarm is due, and its number, which orders alarms of the same time.
  using key = std::pair<duration, std::uint64_t>;
  struct entry {
    boost::asio::any_io_executor executor;
    std::function<void()> f;
  };

  [[nodiscard]] duration read() {
    const std::lock_guard lock(mutex);
    return now;
  }
  void advance(duration d) {
    std::vector<entry> due;
    {
      const std::lock_guard lock(mutex);
      now += d;
      while (!pending.empty() && pending.begin()->first.first <= now)
        due.push_back(std::move(pending.extract(pending.begin()).mapped()));
    }
    for (auto& each : due)
      boost::asio::post(each.executor, std::move(each.f));
  }
  [[nodiscard]] key set(duration when, entry e) {
    const std::lock_guard lock(mutex);
    const key at{when, ++last_number};
    if (when <= now)
      boost::asio::post(e.executor, std::move(e.f));
    else
      pending.emplace(at, std::move(e));
    return at;
  }
  void cancel(const key& at) {
    const std::lock_guard lock(mutex);
    pending.erase(at);
  }

  std::mutex mutex;
  duration now{};
  std::uint64_t last_number = 0;
  std::map<key, entry> pending;
};

class virtual_clock::state::alarm_of_one final : public detail::alarm {
public:
  alarm_of_one(std::shared_ptr<state> all, boost::asio::any_io_executor executor)
    : all_(std::move(all)), executor_(std::move(executor)) {}
  ~alarm_of_one() override { all_->cancel(set_); }

  void set(time_point t, std::function<void()> f) override {
    all_->cancel(set_);
    set_ = all_->set(t.time_since_epoch() - clock_steady_start, {executor_, std::move(f)});
  }
  void cancel() override { all_->cancel(set_); }

private:
  std::shared_ptr<state> all_;
  boost::asio::any_io_executor executor_;
  key set_{};
};

/// The clock as a coordinator sees it.
class virtual_clock::state::clock_of_one final : public detail::time_source {
public:
  clock_of_one(std::shared_ptr<state> all, boost::asio::any_io_executor executor)
    : all_(std::move(all)), executor_(std::move(executor)) {}

  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const noexcept override {
    return std::chrono::steady_clock::time_point{clock_steady_start + all_->read()};
  }
  [[nodiscard]] std::chrono::system_clock::time_point wall_now() const noexcept override {
    return std::chrono::system_clock::time_point{clock_wall_start + all_->read()};
  }
  [[nodiscard]] std::unique_ptr<detail::alarm> make_alarm() override {
    return std::make_unique<alarm_of_one>(all_, executor_);
  }

private:
  std::shared_ptr<state> all_;
  boost::asio::any_io_executor executor_;
};

virtual_clock::virtual_clock() : state_(std::make_shared<state>()) {}

std::unique_ptr<coordinator> virtual_clock::make_coordinator(
  boost::asio::any_io_executor executor, coordinator_config config) const {
  auto clock = std::make_shared<state::clock_of_one>(state_, executor);
  return detail::make_coordinator(std::move(executor), std::move(config), std::move(clock));
}

duration virtual_clock::now() const noexcept {
  return state_->read();
}

void virtual_clock::advance(duration d) const {
  state_->advance(d);
}

std::optional<duration> virtual_clock::next_timeout() const noexcept {
  const std::lock_guard lock(state_->mutex);
  if (state_->pending.empty())
    return std::nullopt;
  return state_->pending.begin()->first.first - state_->now;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit
