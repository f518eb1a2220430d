// Sends each operation to its file.
#include "coordinator_impl.hpp"
#include "files/file_actor.hpp"

#include <boost/asio/cancellation_type.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

/// Returns the operation from a message that could not be delivered.
template <class Result>
std::unique_ptr<file_call<Result>> call_of(message_ptr m) {
  return std::unique_ptr<file_call<Result>>(static_cast<file_call<Result>*>(m.release()));
}

} // namespace

// An actor that has ended returns the message. Retry with the next actor of the file, if there is
// one.
bool coordinator_impl::deliver(const file_name_id& file, message_ptr& m, bool create) {
  for (;;) {
    const auto to = create ? files_.find_or_create(file) : files_.find(file);
    if (!to)
      return false;
    if (to->deliver(m))
      return true;
  }
}

template <class Result>
void coordinator_impl::send(
  const file_name_id& file, std::unique_ptr<file_call<Result>> op, bool create, errc absent) {
  message_ptr m = std::move(op);
  if (!deliver(file, m, create))
    call_of<Result>(std::move(m))->answer(unless_stopping(absent));
}

// Like `send`, but if the file has no actor, fail with the same error that an existing file would
// return.
template <class Result>
void coordinator_impl::send_acknowledgement(
  const file_name_id& file, std::unique_ptr<file_call<Result>> op, errc absent) {
  message_ptr m = std::move(op);
  if (deliver(file, m, false))
    return;
  const auto error = unless_stopping(absent);
  if (error != errc::shutting_down)
    counters_.add(counters::acknowledgements_refused);
  call_of<Result>(std::move(m))->answer(error);
}

// The slot can outlive the coordinator, so that it only has a weak reference.
template <class Result>
void coordinator_impl::make_cancellable(file_call<Result>& op, const file_name_id& file) {
  auto slot = op.cancellation_slot();
  if (!slot.is_connected())
    return;
  slot.assign([self = weak(), file, id = op.id](boost::asio::cancellation_type type) {
    if (type == boost::asio::cancellation_type::none)
      return;
    const auto alive = self.lock();
    if (alive == nullptr)
      return;
    alive->cancel_gate(id);
    alive->cancel(file, id);
  });
}

namespace {

// What both allow. An invalid request stays one, so that the file refuses it.
lease_state within(lease_state requested, lease_state setting) {
  const auto both = requested & setting;
  return is_valid(requested, false) ? both : requested;
}

} // namespace

void coordinator_impl::start(open_request&& r, std::unique_ptr<file_call<open_result>> op) {
  auto error = admit(r.file);
  if (error == errc::success)
    error = admit_stream(r);
  if (error == errc::success && r.lease && r.lease->key.is_zero())
    error = errc::zero_lease_key;
  if (error == errc::success && std::max(r.path.size(), r.root.size()) > limit(&limits::path_bytes))
    error = errc::invalid_argument;
  auto owner = error == errc::success ? clients_.find(r.client) : nullptr;
  if (error == errc::success && owner == nullptr)
    error = errc::unknown_client;
  if (error == errc::success && !opens_.reserve(1, limit(&limits::opens_total)))
    error = errc::too_many_opens;
  if (error != errc::success) {
    counters_.add(counters::opens_refused);
    return op->answer(error);
  }

  const auto id = open_ids_.next();
  op->reserved.owner = owner.get();
  op->reserved.open = id;
  if (r.lease)
    op->reserved.key = r.lease->key;
  try {
    if (r.stand_in != open_id::none)
      op->reserved.base = std::make_unique<stand_in>(stand_in{std::move(r.base), r.stand_in});
    if (!r.path.empty())
      op->reserved.place = std::make_unique<placed_open>(
        paths_, r.root.empty() ? r.share : std::move(r.root), std::move(r.path), std::move(r.file));
    r.caching_max = within(r.caching_max, settings_.caching_max(r.share));
    op->what = open_file{static_cast<open_arguments&&>(r), op->id, id, true};
    const auto& file = op->reserved.place != nullptr ? op->reserved.place->file() : r.file;
    make_cancellable(*op, file);
    if (op->reserved.place != nullptr)
      return place_open(std::move(owner), std::move(op), false);
    send_open(file, *owner, std::move(op));
  } catch (...) {
    opens_.release(1);
    throw;
  }
}

// Like `send`, but the client's tables must know the actor before it receives the message.
void coordinator_impl::send_open(
  const file_name_id& file, client& owner, std::unique_ptr<file_call<open_result>> op) {
  const auto key = op->reserved.key;
  auto error = errc::shutting_down;
  message_ptr m = std::move(op);
  for (;;) {
    const auto to = files_.find_or_create(file);
    if (!to)
      break;
    error = owner.reserve_open(*to, key, limit(&limits::opens_per_client));
    if (error != errc::success) {
      // The actor may have been created for this open alone; a no-op message makes it end its turn.
      message_ptr nothing = std::make_unique<plain_command>(cancel_operation{});
      static_cast<void>(to->deliver(nothing));
      break;
    }
    if (to->deliver(m))
      return;
    owner.release_open(*to, key);
    error = errc::shutting_down;
  }
  opens_.release(1);
  counters_.add(counters::opens_refused);
  call_of<open_result>(std::move(m))->answer(error);
}

void coordinator_impl::start(close_request&& r, std::unique_ptr<file_call<close_result>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  op->what = close_open{r, op->id};
  send(r.file, std::move(op), false, errc::unknown_open);
}

void coordinator_impl::start(reconnect_request&& r, std::unique_ptr<file_call<open_result>> op) {
  auto error = admit(r.file);
  const auto owner = error == errc::success ? clients_.find(r.client) : nullptr;
  if (error == errc::success && owner == nullptr)
    error = errc::unknown_client;
  if (error != errc::success)
    return op->answer(error);
  op->reserved.owner = owner.get();
  op->reserved.open = r.open;
  op->reserved.key = r.key.value_or(lease_key{});
  op->what = reconnect_open{r, op->id, true};
  send_reconnect(r.file, *owner, std::move(op));
}

// Like `send_open`. No limit applies, because the open was admitted when it was made. If the client
// has the open already, it is counted twice until the operation completes.
void coordinator_impl::send_reconnect(
  const file_name_id& file, client& owner, std::unique_ptr<file_call<open_result>> op) {
  constexpr auto any = std::numeric_limits<std::size_t>::max();
  const auto key = op->reserved.key;
  auto error = errc::nothing_to_reclaim;
  message_ptr m = std::move(op);
  while (const auto to = files_.find(file)) {
    error = owner.reserve_open(*to, key, any);
    if (error != errc::success)
      break;
    if (to->deliver(m))
      return;
    owner.release_open(*to, key);
    error = errc::nothing_to_reclaim;
  }
  // The client uses the key for another file now, so that it has released what it had here.
  if (error == errc::lease_key_in_use)
    error = errc::nothing_to_reclaim;
  const auto back = call_of<open_result>(std::move(m));
  back->reserved = {};
  back->answer(unless_stopping(error));
}

void coordinator_impl::start(replay_request&& r, std::unique_ptr<file_call<open_result>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  op->what = replay_open{r, op->id, true};
  send(r.file, std::move(op), false, errc::unknown_open);
}

void coordinator_impl::start(server_state_request&& r, std::unique_ptr<file_call<void>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  op->what = set_server_state{static_cast<server_state_arguments&&>(r), op->id};
  send(r.file, std::move(op), false, errc::unknown_open);
}

void coordinator_impl::start(resilience_request&& r, std::unique_ptr<file_call<void>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  op->what = make_resilient{r, op->id};
  send(r.file, std::move(op), false, errc::unknown_open);
}

void coordinator_impl::start(lock_request&& r, std::unique_ptr<file_call<std::size_t>> op) {
  auto error = admit(r.file);
  if (error == errc::success &&
    (r.elements.empty() || r.elements.size() > limit(&limits::ranges_per_lock)))
    error = errc::invalid_argument;
  if (error != errc::success)
    return op->answer(error);
  op->what = lock_ranges{static_cast<lock_arguments&&>(r), op->id};
  make_cancellable(*op, r.file);
  send(r.file, std::move(op), false, errc::unknown_open);
}

void coordinator_impl::start(reclaim_lock_request&& r, std::unique_ptr<file_call<void>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  op->what = reclaim_lock{static_cast<reclaim_lock_arguments&&>(r), op->id};
  send(r.file, std::move(op), false, errc::unknown_open);
}

void coordinator_impl::start(unlock_request&& r, std::unique_ptr<file_call<std::size_t>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  op->what = unlock_ranges{static_cast<unlock_arguments&&>(r), op->id};
  send(r.file, std::move(op), false, errc::unknown_open);
}

void coordinator_impl::start(
  lease_acknowledgement&& r, std::unique_ptr<file_call<lease_state>> op) {
  if (const auto error = admit(); error != errc::success)
    return op->answer(error);
  op->what = acknowledge_lease{r, op->id};
  send_acknowledgement(file_of_lease(r.client, r.key), std::move(op), errc::unknown_lease);
}

void coordinator_impl::start(
  oplock_acknowledgement&& r, std::unique_ptr<file_call<oplock_level>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  op->what = acknowledge_oplock{r, op->id};
  send_acknowledgement(r.file, std::move(op), errc::unknown_open);
}

namespace {

// Returns whether the pending operation can only be found through its client. A change of a
// directory's content does not wait.
bool may_wait_without_open(const access_request& r) {
  switch (r.kind) {
  case access_kind::replace:
  case access_kind::rename_ancestor:
  case access_kind::rename_into:
    return true;
  case access_kind::change_children:
  case access_kind::remove_unopened:
    return false;
  default:
    return r.open == open_id::none || r.connection != connection_id::none;
  }
}

} // namespace

void coordinator_impl::start(access_request&& r, std::unique_ptr<file_call<access_result>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  op->what = access_file{r, op->id, false, true};
  make_cancellable(*op, r.file);
  const bool create = r.open == open_id::none;
  if (may_wait_without_open(r) && !r.client.is_zero())
    if (const auto owner = clients_.find(r.client))
      return send_of_client(r.file, owner, std::move(op), create);
  send(r.file, std::move(op), create, errc::unknown_open);
}

// Like `send`, but the client's table must know the actor before it receives the message.
void coordinator_impl::send_of_client(const file_name_id& file,
  const std::shared_ptr<client>& owner, std::unique_ptr<file_call<access_result>> op, bool create) {
  auto& reserved = op->reserved;
  message_ptr m = std::move(op);
  while (const auto to = create ? files_.find_or_create(file) : files_.find(file)) {
    if (owner->enter(*to)) {
      reserved.owner = owner.get();
      reserved.has_entered = true;
    }
    if (to->deliver(m))
      return;
    if (std::exchange(reserved, {}).has_entered)
      owner->leave(*to);
  }
  call_of<access_result>(std::move(m))->answer(unless_stopping(errc::unknown_open));
}

namespace {

/// Queries the file without changing it.
class io_check final : public file_message {
public:
  io_check(const io_request& r, std::unique_ptr<file_call<void>> op)
    : open_(r.open), range_(r.range), is_write_(r.is_write), op_(std::move(op)) {}

  void act(file_actor& file, std::unique_ptr<file_message>) override {
    op_->answer(file.state().check_io(open_, range_, is_write_));
  }

  void refuse(errc error) { op_->answer(error); }

private:
  open_id open_;
  byte_range range_;
  bool is_write_;
  std::unique_ptr<file_call<void>> op_;
};

} // namespace

void coordinator_impl::start(io_request&& r, std::unique_ptr<file_call<void>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  if (cluster() != nullptr) {
    op->what = check_range{r, op->id};
    return send(r.file, std::move(op), false, errc::unknown_open);
  }
  message_ptr m = std::make_unique<io_check>(r, std::move(op));
  if (!deliver(r.file, m, false))
    static_cast<io_check&>(*m).refuse(unless_stopping(errc::unknown_open));
}

namespace {

/// Queries the facts about the file.
class facts_question final : public file_message {
public:
  explicit facts_question(std::unique_ptr<plain_call<file_facts>> op) : op_(std::move(op)) {}

  void act(file_actor& file, std::unique_ptr<file_message>) override {
    op_->complete({}, file_facts{file.state().is_delete_pending()});
  }

  [[nodiscard]] plain_call<file_facts>& op() noexcept { return *op_; }

private:
  std::unique_ptr<plain_call<file_facts>> op_;
};

} // namespace

void coordinator_impl::start(file_query&& r, std::unique_ptr<plain_call<file_facts>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  message_ptr m = std::make_unique<facts_question>(std::move(op));
  if (!deliver(r.file, m, false))
    static_cast<facts_question&>(*m).op().answer(unless_stopping(errc::success));
}

void coordinator_impl::start(force_break_request&& r, std::unique_ptr<file_call<void>> op) {
  if (const auto error = admit(r.file); error != errc::success)
    return op->answer(error);
  op->what = force_break{r, op->id};
  make_cancellable(*op, r.file);
  // In a cluster, other servers may have what is to be broken.
  send(r.file, std::move(op), cluster() != nullptr, errc::success);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
