#include "lost_sink.hpp"

#include "runtime/out_of_memory.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// A call in progress, unless the sink is closed.
class lost_sink::call {
public:
  explicit call(lost_sink& of) : of_(of) {
    const std::lock_guard lock(of_.mutex_);
    if (of_.closed_)
      return;
    needs_memory(
      "to tell of a lost open", [&of] { of.called_on_.push_back(std::this_thread::get_id()); });
    begun_ = true;
  }
  ~call() {
    if (!begun_)
      return;
    const std::lock_guard lock(of_.mutex_);
    auto& all = of_.called_on_;
    all.erase(std::find(all.begin(), all.end(), std::this_thread::get_id()));
    of_.call_ended_.notify_all();
  }
  call(const call&) = delete;
  call& operator=(const call&) = delete;

  [[nodiscard]] explicit operator bool() const noexcept { return begun_; }

private:
  lost_sink& of_;
  bool begun_ = false;
};

void lost_sink::tell(open_lost lost) {
  if (const call now{*this})
    told_(std::move(lost));
}

void lost_sink::close() noexcept {
  std::unique_lock lock(mutex_);
  closed_ = true;
  call_ended_.wait(lock, [this] { return !is_called_elsewhere(); });
  if (!called_on_.empty())
    return; // called from within the function, which is destroyed with this object
  std::function<void(open_lost)> dropped;
  dropped.swap(told_);
  lock.unlock(); // unlock first: the destructors of captured objects may do anything
}

bool lost_sink::is_called_elsewhere() const noexcept {
  const auto here = std::this_thread::get_id();
  return std::any_of(
    called_on_.begin(), called_on_.end(), [here](std::thread::id id) { return id != here; });
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
