#include <smb_server/requests/interim_timer.hpp>

#include <smb_server/net/connection.hpp>
#include <smb_server/runtime/timer.hpp>

#include <boost/asio/post.hpp>

#include <mutex>
#include <utility>

namespace leasebreak::smb {

namespace {

/// The alarm goes off this much after the first request is due, which saves wake-ups of the thread.
constexpr auto interim_slack = std::chrono::microseconds{500};

} // namespace

struct interim_timer::state : std::enable_shared_from_this<state> {
  state(const runtime& of, const asio::any_io_executor& loop, std::chrono::microseconds d)
    : runs{of}, delay{d}, alarm{of, loop} {}

  std::list<entry>::iterator add(entry e) {
    const std::lock_guard lock{mutex};
    if (delay == delay.zero()) {
      tell(e);
      told.push_back(std::move(e));
      return std::prev(told.end());
    }
    waiting.push_back(std::move(e));
    if (!armed)
      arm();
    return std::prev(waiting.end());
  }

  void remove(std::list<entry>::iterator e) {
    std::list<entry> gone; // destroyed after the lock is released
    const std::lock_guard lock{mutex};
    gone.splice(gone.end(), e->told ? told : waiting, e);
  }

  static void tell(entry& e) {
    e.told = true;
    if (const auto c = e.whose.lock())
      boost::asio::post(c->get_executor(), [c, id = e.message_id] { c->become_pending(id); });
  }

  // Requires the lock.
  void arm() {
    armed = true;
    alarm.expires_at(waiting.front().due + interim_slack);
    alarm.async_wait([weak = weak_from_this()](boost::system::error_code error) {
      const auto self = weak.lock();
      if (self && !error)
        self->fire();
    });
  }

  void fire() {
    const std::lock_guard lock{mutex};
    armed = false;
    const auto now = runs.now();
    while (!waiting.empty() && waiting.front().due <= now) {
      tell(waiting.front());
      told.splice(told.end(), waiting, waiting.begin());
    }
    if (!waiting.empty())
      arm();
  }

  const runtime& runs;
  const std::chrono::microseconds delay;
  std::mutex mutex;
  timer alarm;
  bool armed = false;
  std::list<entry> waiting; ///< Ordered by `due`, because the delay is constant.
  std::list<entry> told;
};

interim_timer::interim_timer(
  const runtime& of, const asio::any_io_executor& loop, std::chrono::microseconds delay)
  : state_{std::make_shared<state>(of, loop, delay)} {}

interim_timer::~interim_timer() {
  const std::lock_guard lock{state_->mutex};
  state_->armed = true; // prevents a further `arm`
  state_->alarm.cancel();
}

interim_timer::wait interim_timer::begin(
  std::weak_ptr<connection> whose, std::uint64_t message_id) {
  const auto e = state_->add({state_->runs.now() + state_->delay, std::move(whose), message_id});
  return {state_, e};
}

interim_timer::wait::wait(std::shared_ptr<state> s, std::list<entry>::iterator position) noexcept
  : state_{std::move(s)}, position_{position} {}

interim_timer::wait::wait(wait&& other) noexcept
  : state_{std::exchange(other.state_, nullptr)}, position_{other.position_} {}

interim_timer::wait& interim_timer::wait::operator=(wait&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(position_, other.position_);
  return *this;
}

interim_timer::wait::~wait() {
  if (state_)
    state_->remove(position_);
}

} // namespace leasebreak::smb
