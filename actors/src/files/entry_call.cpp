#include "entry_call.hpp"

#include "api/coordinator_impl.hpp"
#include "file_actor.hpp"
#include "file_link.hpp"

#include <boost/asio/cancellation_type.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace detail {

namespace {

class guard_ended final : public file_message {
public:
  explicit guard_ended(guard_id id) : id_(id) {}
  void act(file_actor& file, std::unique_ptr<file_message>) override { file.end_guard(id_); }

private:
  guard_id id_;
};

} // namespace

void file_link::end(guard_id id) const noexcept {
  send_made("to end an entry guard", [id] { return std::make_unique<guard_ended>(id); });
}

void entry_call::act(file_actor& file, std::unique_ptr<file_message> self) {
  static_cast<void>(self.release());
  file.guard_entry(std::unique_ptr<entry_call>(this));
}

void entry_cancellation::act(file_actor& file, std::unique_ptr<file_message>) {
  file.cancel_guard(target_);
}

void directory_guards::ask(file_actor& file, std::unique_ptr<entry_call> call) {
  queue_.limit(file.owner().limit(&limits::guards_per_directory));
  const auto answer = queue_.ask(std::move(call->names));
  if (answer.error != errc::success)
    return call->answer(answer.error);
  if (answer.is_held)
    return call->complete({}, file.make_guard(answer.id));
  call->guard = answer.id;
  call->track_work(); // nothing in the executor's queue stands for it
  waiting_.push_back(std::move(call));
  file.owner().count_waiting_for_guards(1);
}

void directory_guards::end(file_actor& file, guard_id id) {
  std::vector<guard_id> held;
  queue_.end(id, held);
  give(file, held);
}

bool directory_guards::cancel(file_actor& file, operation_id target) {
  const auto found = std::find_if(
    waiting_.begin(), waiting_.end(), [target](const auto& call) { return call->id == target; });
  if (found == waiting_.end())
    return false; // it is held already, and its result stands
  const auto call = take(file, found);
  call->answer(errc::cancelled);
  end(file, call->guard);
  return true;
}

void directory_guards::refuse_waiting(file_actor& file, errc error) {
  static_cast<void>(queue_.take_waiting());
  file.owner().count_waiting_for_guards(-static_cast<std::int64_t>(waiting_.size()));
  for (const auto& call : std::exchange(waiting_, {}))
    call->answer(error);
}

void directory_guards::give(file_actor& file, const std::vector<guard_id>& held) {
  for (const auto id : held)
    if (const auto call = take(file, id))
      call->complete({}, file.make_guard(id));
}

std::unique_ptr<entry_call> directory_guards::take(file_actor& file, guard_id id) {
  const auto found = std::lower_bound(waiting_.begin(), waiting_.end(), id,
    [](const auto& call, guard_id wanted) { return call->guard < wanted; });
  if (found == waiting_.end() || (*found)->guard != id)
    return nullptr;
  return take(file, found);
}

std::unique_ptr<entry_call> directory_guards::take(file_actor& file, call_list::iterator which) {
  auto call = std::move(*which);
  waiting_.erase(which);
  file.owner().count_waiting_for_guards(-1);
  return call;
}

// The slot can outlive the coordinator, so that it only has a weak reference.
void coordinator_impl::start(entry_guard_request&& r, std::unique_ptr<entry_call> op) {
  auto error = admit(r.directory);
  const auto longest = std::max(r.name.size(), r.also.size());
  if (error == errc::success && longest > limit(&limits::entry_name_bytes))
    error = errc::invalid_argument;
  if (error != errc::success)
    return op->answer(error);
  op->names = {std::move(r.name), std::move(r.also)};
  if (auto slot = op->cancellation_slot(); slot.is_connected())
    slot.assign(
      [self = weak(), directory = r.directory, id = op->id](boost::asio::cancellation_type type) {
        const auto alive = self.lock();
        if (type == boost::asio::cancellation_type::none || alive == nullptr)
          return;
        message_ptr m = std::make_unique<entry_cancellation>(id);
        if (const auto to = alive->files_.find(directory))
          static_cast<void>(to->deliver(m));
      });
  message_ptr m = std::move(op);
  if (!deliver(r.directory, m, true))
    static_cast<entry_call&>(*m).answer(errc::shutting_down);
}

} // namespace detail

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
