#include "undo.hpp"

#include "files/file_actor.hpp"

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

/// Undoes a grant; has no result.
class undo_step final : public operation {
public:
  explicit undo_step(command c) { what = std::move(c); }
  void finish(
    file_actor& file, std::unique_ptr<operation>, errc, operation_result& result) override {
    // The file is not deleted now: its pending deletion is dropped with the open.
    if (const auto* const closed = std::get_if<open_closed>(&result))
      file.make_hold(closed->hold).release();
  }
};

bool repeats_another(const gated_answer& a) {
  return std::holds_alternative<lock_replayed>(a.with.result) ||
    std::holds_alternative<replay_open>(a.op->what);
}

std::vector<command> steps_back(const gated_answer& a) {
  std::vector<command> steps;
  if (const auto* granted = std::get_if<open_granted>(&a.with.result)) {
    if (granted->hold != hold_id::none)
      steps.emplace_back(end_hold{granted->hold});
    steps.emplace_back(close_open{{granted->open, false, true}});
  } else if (const auto* allowed = std::get_if<access_granted>(&a.with.result)) {
    steps.emplace_back(end_hold{allowed->hold});
  } else if (const auto* lock = std::get_if<lock_ranges>(&a.op->what)) {
    unlock_ranges unlock{{lock->open}};
    if (lock->sequence) // a replay must then be executed
      unlock.sequence = lock_sequence{lock->sequence->index, UINT8_MAX};
    for (const auto& element : lock->elements)
      unlock.ranges.push_back(element.range);
    steps.emplace_back(std::move(unlock));
  }
  return steps;
}

} // namespace

bool can_be_undone(const gated_answer& a) {
  if (const auto* const access = std::get_if<access_file>(&a.op->what))
    return access->kind != access_kind::set_delete && access->kind != access_kind::clear_delete;
  return !std::holds_alternative<close_open>(a.op->what) &&
    !std::holds_alternative<unlock_ranges>(a.op->what);
}

void undo(const gated_answer& a) {
  if (repeats_another(a))
    return;
  for (auto& step : steps_back(a)) {
    auto undoing = std::make_unique<undo_step>(std::move(step));
    std::visit(
      [id = undoing->id](auto& c) {
        if constexpr (requires { c.operation; })
          c.operation = id;
      },
      undoing->what);
    message_ptr m = std::move(undoing);
    static_cast<void>(a.file->deliver(m));
  }
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
