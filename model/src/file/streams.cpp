// Named streams, which are files of their own (MS-FSA 2.1.5.1.2).
//
// An open of a stream has a second open here, which stands for it. The caches of the stream are in
// the state of its own file. An operation here that needs them released asks that file, and waits
// for its answer.
//
// Between its two opens, a stream is neither open nor closed. An operation waits for the end of
// that state instead of taking it for an open that stays: until the stream's open is granted, it
// could not be asked; and when it has ended, the open here is about to follow.
#include "file/impl.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

using stage = detail::stream_link::stage;

bool shares_deletion(const detail::open_entry& open) {
  return (open.share_access & share::delete_file) != 0;
}

// Returns what an access asks of the streams, if anything. A caller that is not an SMB client
// removes the file whatever is open, and the data of the streams with it.
std::optional<access_kind> asked_by(const access_file& c) {
  switch (c.kind) {
  case access_kind::replace:
  case access_kind::unlink:
    return c.client.is_zero() && c.open == open_id::none ? access_kind::overwrite_base
                                                         : access_kind::remove_base;
  case access_kind::rename_ancestor:
  case access_kind::prepare_delete:
  case access_kind::set_delete:
    return access_kind::remove_base;
  default:
    return std::nullopt;
  }
}

} // namespace

// Plans for all streams, or for those with opens that deny deletion. `w` is the operation if it is
// pending.
file_state::impl::stream_plan file_state::impl::plan_streams(
  access_kind kind, const waiting_operation* w, bool are_denying) const {
  stream_plan plan;
  plan.kind = kind;
  if (count.streams == 0)
    return plan;
  const auto* const before =
    w != nullptr && w->streams && w->streams->kind == kind ? w->streams.get() : nullptr;
  for (const auto& open : opens) {
    if (!open->stream || (are_denying && shares_deletion(*open)))
      continue;
    switch (open->stream->at) {
    case stage::opening:
      plan.wait = true;
      break;
    case stage::closed: // caches nothing any more, but keeps the file
      plan.wait = plan.wait || kind == access_kind::remove_base;
      break;
    case stage::open:
      if (before == nullptr || !before->include(open->id))
        plan.asked.push_back(open.get());
      plan.wait = plan.wait || !plan.asked.empty() || before->unanswered != 0;
      break;
    }
  }
  return plan;
}

// MS-FSA 2.1.5.1.2: an open with DELETE conflicts with opens of streams that do not share it.
// Implementation specific: overwriting a file removes its named streams, as NTFS does, so that
// their caches are broken like the file's own.
file_state::impl::stream_plan file_state::impl::plan_streams(
  const open_file& c, bool violation, bool plan_waits, const waiting_operation* w) const {
  if (count.streams == 0 || c.of_stream)
    return {};
  if (!violation)
    return c.overwrites ? plan_streams(access_kind::overwrite_base, w) : stream_plan{};
  if ((c.access & access::delete_file) == 0)
    return {};
  auto plan = plan_streams(access_kind::remove_base, w, true);
  // Ask for nothing if the open fails regardless. A pending open waits for the streams that it has
  // asked.
  const bool is_futile = w == nullptr && plan.wait && !plan_waits && violates_besides_streams(c);
  return is_futile ? stream_plan{} : plan;
}

// MS-FSA 2.1.5.15.3, 2.1.5.15.11: opens of its streams keep a file from being deleted or replaced.
// After `prepare_delete`, the disposition does not wait for streams that were opened since.
file_state::impl::stream_plan file_state::impl::plan_streams(
  const access_file& c, const waiting_operation* w) const {
  const auto kind = count.streams == 0 ? std::nullopt : asked_by(c);
  if (!kind)
    return {};
  auto plan = plan_streams(*kind, w);
  const bool is_prepared = c.kind == access_kind::set_delete && rare &&
    std::any_of(rare->holds.begin(), rare->holds.end(),
      [](const auto& hold) { return hold.prepares_deletion; });
  plan.wait = plan.wait && !is_prepared;
  return plan;
}

bool file_state::impl::violates_besides_streams(const open_file& c) const {
  auto others = count.sharing;
  for (const auto& open : opens)
    if (open->stream)
      others.remove({open->access, open->share_access, true});
  const auto mask = c.overwrites ? c.access | access::write_data : c.access;
  return others.conflict_with({mask, c.share_access, false});
}

// Returns whether the stream may be removed at any time, because its file is being overwritten.
bool file_state::impl::is_kept_out(const open_file& c) const noexcept {
  return c.of_stream && rare &&
    std::any_of(rare->holds.begin(), rare->holds.end(),
      [](const auto& hold) { return hold.keeps_streams_out; });
}

// An open may also have begun to fail since, because of a newer open. It finds that out when its
// wait ends.
bool file_state::impl::waits_for_streams(const waiting_operation& w) const {
  if (const auto* open = std::get_if<open_file>(&w.what))
    return is_kept_out(*open) || plan_streams(*open, false, true, &w).wait ||
      plan_streams(*open, true, true, &w).wait;
  if (const auto* access = std::get_if<access_file>(&w.what))
    return plan_streams(*access, &w).wait;
  return std::holds_alternative<close_open>(w.what) &&
    plan_streams(access_kind::remove_base, &w).wait;
}

// Returns whether a pending open is known to be still blocked by streams, and has none to ask. Like
// an open that waits for a break, it is not evaluated for other reasons until then.
bool file_state::impl::is_held_by_streams(const open_file& c, const waiting_operation& w) const {
  if (is_kept_out(c))
    return true;
  const auto overwriting = plan_streams(c, false, true, &w);
  const auto deleting = plan_streams(c, true, true, &w);
  const bool is_failed = w.streams && w.streams->error != errc::success;
  return !is_failed && overwriting.asked.empty() && deleting.asked.empty() &&
    (overwriting.wait || deleting.wait);
}

// Without `w`, no operation waits for the answer.
void file_state::impl::ask_streams(
  const stream_plan& plan, waiting_operation* w, const client_guid& client, effects& out) const {
  if (plan.asked.empty())
    return;
  streams_asked asked;
  asked.kind = plan.kind;
  asked.client = client;
  for (const auto* open : plan.asked)
    asked.streams.push_back(open->stream->file);
  std::sort(asked.streams.begin(), asked.streams.end());
  asked.streams.erase(std::unique(asked.streams.begin(), asked.streams.end()), asked.streams.end());
  if (w != nullptr) {
    const auto last = w->streams ? w->streams->last_round : 0;
    if (!w->streams || w->streams->kind != plan.kind)
      w->streams = std::make_unique<detail::asked_streams>(
        detail::asked_streams{plan.kind, {}, last + 1, last, 0, errc::success});
    auto& mine = *w->streams;
    for (const auto* open : plan.asked)
      mine.opens.push_back(open->id);
    asked.operation = w->id;
    asked.round = ++mine.last_round;
    ++mine.unanswered;
  }
  out.asked.push_back(std::move(asked));
}

// An open that has ended deletes the file, and no operation waits for that.
void file_state::impl::ask_for_deletion(effects& out) const {
  ask_streams(plan_streams(access_kind::remove_base, nullptr), nullptr, {}, out);
}

void file_state::impl::note(const stream_opened& c, effects& out) {
  auto* const open = find_open(c.stand_in);
  if (open == nullptr || !open->stream || open->stream->at != stage::opening)
    return;
  open->stream->at = stage::open;
  waiters_may_go = true;
  // The deletion was requested while the stream could not be asked.
  if (delete_pending)
    ask_streams({access_kind::remove_base, {open}, false}, nullptr, {}, out);
}

void file_state::impl::note(const stream_closed& c) {
  auto* const open = find_open(c.stand_in);
  if (open == nullptr || !open->stream)
    return;
  open->stream->at = stage::closed;
  waiters_may_go = true;
}

void file_state::impl::note(const streams_answered& c) {
  auto* const w = find_waiting(c.target);
  if (w == nullptr || !w->streams || c.round < w->streams->first_round ||
    w->streams->unanswered == 0)
    return;
  --w->streams->unanswered;
  if (c.error != errc::success)
    w->streams->error = c.error;
  waiters_may_go = true;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
