#include <leasebreak/testing/seeded_loop.hpp>

#include <leasebreak/detail/time_source.hpp>

#include <algorithm>
#include <iterator>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

namespace {

constexpr std::uint64_t handlers_at_once_max = 100'000;
constexpr std::chrono::hours loop_wall_start{24 * 365 * 50};

class loop_alarm final : public detail::alarm {
public:
  explicit loop_alarm(seeded_loop& of) : loop_(of) {}
  ~loop_alarm() override { loop_.cancel(timer_); }

  void set(time_point t, std::function<void()> f) override {
    loop_.cancel(timer_);
    timer_ = loop_.after(t.time_since_epoch() - loop_.now(), std::move(f));
  }
  void cancel() override { loop_.cancel(timer_); }

private:
  seeded_loop& loop_;
  seeded_loop::timer_id timer_ = 0;
};

class loop_clocks final : public detail::time_source {
public:
  explicit loop_clocks(seeded_loop& of) : loop_(of) {}
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const noexcept override {
    return loop_.steady_now();
  }
  [[nodiscard]] std::chrono::system_clock::time_point wall_now() const noexcept override {
    return loop_.wall_now();
  }
  [[nodiscard]] std::unique_ptr<detail::alarm> make_alarm() override {
    return std::make_unique<loop_alarm>(loop_);
  }

private:
  seeded_loop& loop_;
};

} // namespace

seeded_loop::seeded_loop(std::uint64_t seed) : random_(seed) {
  constexpr order kinds[]{order::any, order::any, order::oldest, order::newest};
  order_ = kinds[random_.below(std::size(kinds))];
}

// Destroying handlers may add more.
seeded_loop::~seeded_loop() {
  shutdown();
  while (!ready_.empty() || !timers_.empty()) {
    const auto tasks = std::exchange(ready_, {});
    const auto timers = std::exchange(timers_, {});
  }
}

seeded_loop::timer_id seeded_loop::after(duration d, std::function<void()> f) {
  const auto when = now_ + std::max(d, duration{});
  timers_.emplace(when, timer{++last_timer_, std::move(f)});
  return last_timer_;
}

void seeded_loop::cancel(timer_id which) {
  std::erase_if(timers_, [which](const auto& t) { return t.second.id == which; });
}

// Even with an order, one choice in eight is random.
std::size_t seeded_loop::choose() {
  if (order_ == order::any || random_.one_in(8))
    return random_.below(ready_.size());
  return order_ == order::oldest ? 0 : ready_.size() - 1;
}

bool seeded_loop::step() {
  if (ready_.empty() && on_quiet_)
    on_quiet_();
  if (ready_.empty()) {
    if (timers_.empty())
      return false;
    if (now_ != timers_.begin()->first)
      handlers_at_once_ = 0;
    now_ = timers_.begin()->first;
    while (!timers_.empty() && timers_.begin()->first <= now_) {
      auto due = timers_.extract(timers_.begin());
      get_executor().execute(std::move(due.mapped().f));
    }
  }
  const auto chosen = choose();
  hash_.add(static_cast<std::uint64_t>(chosen));
  const auto next = std::move(ready_[chosen]);
  ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(chosen));
  ++handlers_run_;
  if (++handlers_at_once_ == handlers_at_once_max && on_stuck_)
    on_stuck_();
  next->run();
  return true;
}

std::chrono::steady_clock::time_point seeded_loop::steady_now() const noexcept {
  return std::chrono::steady_clock::time_point{now_};
}

std::chrono::system_clock::time_point seeded_loop::wall_now() const noexcept {
  return std::chrono::system_clock::time_point{loop_wall_start + now_};
}

std::unique_ptr<coordinator> seeded_loop::make_coordinator(coordinator_config config) {
  return detail::make_coordinator(
    get_executor(), std::move(config), std::make_shared<loop_clocks>(*this));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit
