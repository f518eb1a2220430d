// See machine.hpp.
#include "machine.hpp"

#include "complete.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/strand.hpp>

#include <map>
#include <utility>

namespace leasebreak::smb::simulation {

namespace {

/// Waits, each with its own alarm.
class loop_timer final : public other_timer {
public:
  loop_timer(loop& in, asio::any_io_executor executor)
    : state_{std::make_shared<state>(in, std::move(executor))} {}
  ~loop_timer() override { cancel(); }

  void wait(std::chrono::steady_clock::time_point t, handler h) override {
    auto& s = *state_;
    const auto number = ++s.last;
    auto slot = asio::get_associated_cancellation_slot(h);
    // A wait that is never due needs no alarm.
    loop::timer_id alarm = 0;
    if (t != std::chrono::steady_clock::time_point::max())
      alarm = s.in.after(t.time_since_epoch() - s.in.now(),
        [weak = std::weak_ptr(state_), number] { end(weak, number, {}); });
    s.waits.emplace(number, one{alarm, std::move(h)});
    if (slot.is_connected())
      slot.assign([weak = std::weak_ptr(state_), number](asio::cancellation_type type) {
        if (type != asio::cancellation_type::none)
          end(weak, number, asio::error::operation_aborted);
      });
  }

  void cancel() override {
    while (!state_->waits.empty())
      end(state_, state_->waits.begin()->first, asio::error::operation_aborted);
  }

private:
  struct one {
    loop::timer_id alarm;
    handler h;
  };
  struct state {
    state(loop& l, asio::any_io_executor e) : in{l}, executor{std::move(e)} {}
    loop& in;
    asio::any_io_executor executor;
    std::map<std::uint64_t, one> waits;
    std::uint64_t last = 0;
  };

  static void end(
    const std::weak_ptr<state>& weak, std::uint64_t number, boost::system::error_code error) {
    const auto s = weak.lock();
    const auto found = s ? s->waits.find(number) : decltype(s->waits.find(number)){};
    if (!s || found == s->waits.end())
      return;
    auto ended = std::move(found->second);
    s->waits.erase(found);
    s->in.cancel(ended.alarm);
    leasebreak::simulation::complete(s->executor, std::move(ended.h), error);
  }

  std::shared_ptr<state> state_;
};

} // namespace

simulated_machine::simulated_machine(loop& in, random_source& random)
  : loop_{in}, random_{random} {}

simulated_machine::~simulated_machine() = default;

asio::any_io_executor simulated_machine::get_executor() const {
  return loop_.get_executor();
}

asio::any_io_executor simulated_machine::make_strand() const {
  return asio::make_strand(get_executor());
}

std::chrono::steady_clock::time_point simulated_machine::now() const {
  return loop_.steady_now();
}

std::chrono::system_clock::time_point simulated_machine::wall_now() const {
  return loop_.wall_now();
}

std::unique_ptr<other_timer> simulated_machine::make_timer(
  const asio::any_io_executor& executor) const {
  return std::make_unique<loop_timer>(loop_, executor);
}

std::unique_ptr<listener> simulated_machine::listen(
  const asio::any_io_executor& executor, const asio::ip::tcp::endpoint& /*where*/) {
  auto made = std::make_unique<door>(executor);
  door_ = made.get();
  return made;
}

/// Runs a disk job after a delay: usually that of a cache, sometimes that of a disk.
vfs::job_runner simulated_machine::disk() {
  return [this](std::function<void()> job) {
    const span takes = random_.one_in(16) ? span{std::chrono::milliseconds{random_.below(40)}}
                                          : span{std::chrono::microseconds{random_.below(300)}};
    loop_.after(takes, [this, job = std::move(job)] {
      job();
      if (on_disk_)
        on_disk_();
    });
  };
}

std::unique_ptr<leasebreak::coordinator> simulated_machine::make_coordinator(
  coordinator_config config) {
  return loop_.make_coordinator(std::move(config));
}

} // namespace leasebreak::smb::simulation
