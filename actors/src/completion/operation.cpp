#include "operation.hpp"

#include "files/file_actor.hpp"
#include "runtime/unique_number.hpp"

#include <type_traits>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

operation_id operation::next_id() noexcept {
  return static_cast<operation_id>(unique_number<operation>());
}

void plain_command::act(file_actor& file, std::unique_ptr<file_message>) {
  file.perform(what);
}

void operation::act(file_actor& file, std::unique_ptr<file_message> self) {
  static_cast<void>(self.release());
  file.perform(std::unique_ptr<operation>(this));
}

namespace {

void convert(file_actor& file, open_granted& from, open_result& to) {
  to.open = from.open;
  to.oplock = from.oplock;
  to.key = from.key;
  to.state = from.state;
  to.version = from.version;
  to.epoch = from.epoch;
  to.break_in_progress = from.break_in_progress;
  to.parent_key = from.parent_key;
  to.durable = from.durable;
  to.persistent = from.persistent;
  to.hold = file.make_hold(from.hold);
  to.waited = from.waited;
}

void convert(file_actor&, open_refused& from, open_result& to) {
  to.waited = from.waited;
}

void convert(file_actor& file, open_closed& from, close_result& to) {
  to.kept = from.kept;
  to.delete_file = from.delete_file;
  to.hold = file.make_hold(from.hold);
  to.parent_key = from.parent_key;
}

void convert(file_actor& file, access_granted& from, access_result& to) {
  to.hold = file.make_hold(from.hold);
}

void convert(file_actor&, ranges_unlocked& from, std::size_t& to) {
  to = from.count;
}

void convert(file_actor&, break_acknowledged& from, lease_state& to) {
  to = from.state;
}

void convert(file_actor&, break_acknowledged& from, oplock_level& to) {
  to = oplock_of(from.state);
}

// Returns the number of new locks. A replay adds none.
std::size_t taken_by(const operation& op, errc error, const operation_result& result) {
  const auto* const lock = std::get_if<lock_ranges>(&op.what);
  const bool takes =
    lock != nullptr && error == errc::success && !std::holds_alternative<lock_replayed>(result);
  return takes ? lock->elements.size() : 0;
}

template <class Result>
Result result_of(file_actor& file, operation& op, errc error, operation_result& from) {
  Result to{};
  if constexpr (std::is_same_v<Result, std::size_t>)
    to = taken_by(op, error, from);
  if constexpr (requires { to.answer; })
    to.answer = std::move(op.pending);
  if constexpr (std::is_same_v<Result, close_result>)
    to.names = std::move(op.deleted);
  std::visit(
    [&](auto& value) {
      if constexpr (requires { convert(file, value, to); })
        convert(file, value, to);
    },
    from);
  return to;
}

} // namespace

template <class Result>
void file_call<Result>::finish(
  file_actor& file, std::unique_ptr<operation>, errc error, operation_result& result) {
  const auto ec = to_error_code(error);
  if constexpr (std::is_void_v<Result>)
    this->complete(ec);
  else
    this->complete(ec, result_of<Result>(file, *this, error, result));
}

template class file_call<open_result>;
template class file_call<close_result>;
template class file_call<void>;
template class file_call<std::size_t>;
template class file_call<lease_state>;
template class file_call<oplock_level>;
template class file_call<access_result>;

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
