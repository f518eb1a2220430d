#include "faulty_file.hpp"

#include <algorithm>
#include <array>

namespace leasebreak::small_world {

namespace {

struct name_of_fault {
  fault what;
  std::string_view name;
};

constexpr std::array names{
  name_of_fault{fault::none, "none"},
  name_of_fault{fault::raising_acknowledgement, "raising acknowledgement"},
  name_of_fault{fault::break_without_wait, "break without wait"},
  name_of_fault{fault::dropped_notification, "dropped notification"},
  name_of_fault{fault::stale_epoch, "stale epoch"},
  name_of_fault{fault::ignored_share_mode, "ignored share mode"},
  name_of_fault{fault::early_notification, "early notification"},
  name_of_fault{fault::lost_completion, "lost completion"},
  name_of_fault{fault::double_completion, "double completion"},
  name_of_fault{fault::ignored_cancel, "ignored cancel"},
  name_of_fault{fault::kept_open, "kept open"},
  name_of_fault{fault::promised_write, "promised write"},
  name_of_fault{fault::ignored_deadline, "ignored deadline"},
  name_of_fault{fault::lock_beside_lock, "lock beside lock"},
  name_of_fault{fault::refused_acknowledgement_ends, "refused acknowledgement ends"},
};

template <class Function>
void for_each_grant(effects& out, const Function& f) {
  for (auto& c : out.completions)
    if (auto* granted = std::get_if<open_granted>(&c.result))
      f(*granted);
}

} // namespace

std::string_view to_string(fault f) noexcept {
  return std::ranges::find(names, f, &name_of_fault::what)->name;
}

const std::vector<fault>& all_faults() {
  static const auto all = [] {
    std::vector<fault> found;
    for (const auto& n : names)
      if (n.what != fault::none)
        found.push_back(n.what);
    return found;
  }();
  return all;
}

effects faulty_file::apply(command c, time_point now) {
  effects out;
  if (fault_ == fault::none) {
    forward(c, now, out);
  } else if (!answers_itself(c, out)) {
    forward(c, now, out);
    damage(c, out, now);
  }
  return out;
}

// Like the coordinator, pass `answer_sent` to its own overload.
void faulty_file::forward(const command& c, time_point now, effects& out) {
  if (const auto* const sent = std::get_if<answer_sent>(&c))
    file_.apply(*sent, now, out);
  else
    file_.apply(c, now, out);
}

// Changes the command. Returns true if the file must not see it.
bool faulty_file::answers_itself(command& c, effects& out) {
  raised_.reset();
  if (auto* ack = std::get_if<acknowledge_lease>(&c);
      ack != nullptr && fault_ == fault::raising_acknowledgement) {
    raised_ = ack->state;
    ack->state = ack->state & told_[{ack->client, ack->key}];
  }
  if (auto* open = std::get_if<open_file>(&c); open != nullptr) {
    if (fault_ == fault::ignored_share_mode)
      open->share_access = share::all;
    if (fault_ == fault::early_notification)
      open->answer_follows = false;
  }
  if (auto* lock = std::get_if<lock_ranges>(&c);
      lock != nullptr && fault_ == fault::lock_beside_lock)
    lock->elements.front().exclusive = false;
  if (const auto* close = std::get_if<close_open>(&c);
      close != nullptr && fault_ == fault::kept_open) {
    out.completions.push_back({close->operation, errc::success, open_closed{}});
    return true;
  }
  return (fault_ == fault::ignored_cancel && std::holds_alternative<cancel_operation>(c)) ||
    (fault_ == fault::ignored_deadline && std::holds_alternative<deadline_reached>(c));
}

void faulty_file::damage(const command& c, effects& out, time_point now) {
  for (const auto& n : out.notifications)
    told_[{n.client, n.key}] = n.to;
  const bool is_ack =
    std::holds_alternative<acknowledge_lease>(c) || std::holds_alternative<acknowledge_oplock>(c);
  switch (fault_) {
  case fault::raising_acknowledgement:
    for (auto& done : out.completions)
      if (auto* left = std::get_if<break_acknowledged>(&done.result); left != nullptr && raised_)
        left->state = *raised_;
    break;
  case fault::break_without_wait:
    if (std::holds_alternative<open_file>(c) && out.completions.empty())
      for (const auto& n : std::vector(out.notifications))
        if (!n.is_oplock) {
          file_.apply(acknowledge_lease{{n.client, n.key, n.to}}, now, out);
          std::erase_if(
            out.completions, [](const auto& d) { return d.operation == operation_id::none; });
        }
    break;
  case fault::dropped_notification:
    std::erase_if(out.notifications, [](const auto& n) { return !n.ack_required; });
    break;
  case fault::stale_epoch:
    for (auto& n : out.notifications)
      n.epoch = static_cast<std::uint16_t>(n.epoch == 0 ? 0 : n.epoch - 1);
    break;
  case fault::early_notification:
    for_each_grant(out, [](open_granted& g) { g.answer = 1; });
    break;
  case fault::lost_completion:
    if (is_ack && out.completions.size() > 1)
      out.completions.pop_back();
    break;
  case fault::double_completion:
    if (is_ack && out.completions.size() > 1)
      out.completions.push_back(out.completions.back());
    break;
  case fault::promised_write:
    for_each_grant(out, [](open_granted& g) {
      if (g.oplock == oplock_level::lease && g.state == lease_state::r)
        g.state = lease_state::rw;
    });
    break;
  case fault::refused_acknowledgement_ends:
    if (const auto* ack = std::get_if<acknowledge_lease>(&c);
        ack != nullptr && out.completions.front().error == errc::ack_exceeds_break) {
      file_.apply(acknowledge_lease{{ack->client, ack->key, lease_state::none}}, now, out);
      std::erase_if(
        out.completions, [](const auto& d) { return d.operation == operation_id::none; });
    }
    break;
  default:
    break;
  }
}

} // namespace leasebreak::small_world
