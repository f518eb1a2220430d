// A copy of what clients have through one node of a file that another node owns.
#include <leasebreak/model/file_state.hpp>

#include "file/impl.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

/// The numbers of breaks and holds that a copy makes are never used.
constexpr std::uint64_t view_of_copies = (std::uint64_t{1} << 23U) - 1;

} // namespace

// Without effects other than the end itself.
open_ended file_state::impl::forget_open(open_id id) {
  open_entry& open = *find_open(id);
  const auto cause = open.is_detached() ? end_cause::expired : end_cause::lost;
  open_ended ended{
    id, cause, open.client, {}, locks.erase_all_of(id).size(), open.is_persistent(), {}, {}, false};
  if (auto* const lease = open.lease; lease != nullptr) {
    if (!lease->info.is_oplock)
      ended.key = lease->info.key;
    detach(open);
    if (lease->opens == 0)
      remove_lease(*lease);
  }
  take_open(id);
  return ended;
}

std::vector<open_ended> file_state::impl::forget_client(const client_guid& client) {
  std::vector<open_id> ids;
  for (const auto& open : opens)
    if (open->client == client)
      ids.push_back(open->id);
  std::vector<open_ended> ended;
  ended.reserve(ids.size());
  for (const auto id : ids)
    ended.push_back(forget_open(id));
  if (client.is_zero() && rare)
    rare->holds.clear();
  delete_pending = delete_pending && !opens.empty();
  return ended;
}

// Notifications that are held back count themselves in `from`. The epoch is shown as if they were
// sent.
void file_state::impl::adopt(impl& from) {
  is_directory = from.is_directory;
  delete_pending = from.delete_pending || (delete_pending && from.opens.empty());
  const auto drop_held = [](std::unique_ptr<detail::held_notice>& held, lease_entry* lease) {
    if (held != nullptr && lease != nullptr)
      lease->info.epoch = static_cast<std::uint16_t>(lease->info.epoch + held->epochs);
    held.reset();
  };
  for (auto& open : from.opens)
    drop_held(open->held, open->lease);
  for (auto& lease : from.leases) {
    drop_held(lease->held, lease.get());
    add_lease(std::move(lease));
  }
  for (auto& open : from.opens) {
    if (find_open(open->id) != nullptr) // it was another client's, which has lost it to this one
      static_cast<void>(forget_open(open->id));
    add_open(std::move(open));
  }
  from.locks.for_each(
    [&](const auto& e) { locks.add(e.open, e.range, e.exclusive, e.acquired_at, e.record_id); });
  if (from.rare && !from.rare->holds.empty())
    contended().holds = std::move(from.rare->holds);
}

replaced_client file_state::replace_client(
  node_id node, const client_guid& client, const file_snapshot* part, time_point now) {
  replaced_client result{impl_->forget_client(client), {}};
  if (part == nullptr)
    return result;
  const node_report report{node, *part, {}};
  effects unused;
  auto made = rebuild(*impl_->policy, impl_->file_id, view_of_copies, {&report, 1}, now, unused);
  if (auto* const error = std::get_if<snapshot_error>(&made)) {
    result.problem = std::move(error->what);
    return result;
  }
  auto& from = *std::get<file_state>(made).impl_;
  if (std::any_of(from.opens.begin(), from.opens.end(),
        [&](const auto& open) { return open->client != client; }))
    result.problem = "an open of another client";
  else
    impl_->adopt(from);
  std::erase_if(result.missing, [&](const auto& e) { return has_open(e.open); });
  return result;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
