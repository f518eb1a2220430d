// See create_replay.hpp.
#include <smb_server/commands/create_replay.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/commands/create_answer.hpp>
#include <smb_server/connection.hpp>
#include <smb_server/server.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::smb::commands {

namespace {

std::uint32_t check(const request& r, const create_again& again, const open& o) {
  const bool is_replay = r.head().has(header_flag::replay);
  if (!is_replay || o.session_id != r.user->id || o.tree_connect != r.tree_connect)
    return status::duplicate_objectid;
  return again.key == o.asked_key ? status::success : status::access_denied;
}

/// What the open has of its lease or oplock now: it may have been broken or upgraded since.
void describe(const open& o, const std::vector<listed_entry>& held, open_result& as) {
  const auto found = std::find_if(held.begin(), held.end(), [&o](const listed_entry& e) {
    const bool is_its_lease =
      e.kind == entry_kind::lease && e.lease && e.lease->key == o.lease && e.client == o.client;
    return is_its_lease || (e.kind == entry_kind::oplock && e.open == o.handle);
  });
  if (o.lease)
    as.oplock = oplock_level::lease;
  if (found == held.end() || !found->lease)
    return;
  const lease_info& l = *found->lease;
  if (!o.lease) {
    as.oplock = oplock_of(l.state);
    return;
  }
  as.key = l.key;
  as.state = l.state;
  as.version = l.version;
  as.epoch = l.epoch;
  as.break_in_progress = l.breaking;
  as.parent_key = o.parent_key;
}

/// Of an oplock no more is confirmed than was asked for again, and durability goes with it.
open_result confirm(const open& o, const create_again& again, open_result held) {
  held.open = o.handle;
  if (!o.lease)
    held.oplock = std::min(held.oplock, again.oplock);
  held.durable = o.durable && (o.lease || held.oplock == oplock_level::batch);
  held.persistent = held.durable && o.durable->persistent;
  return held;
}

} // namespace

asio::awaitable<std::optional<reply>> answer_again(
  request& r, const create_request& asked, create_again again) {
  const channel_group_ptr group = r.on().group;
  if (group->create_guids_in_work.count(again.create_guid) != 0)
    co_return fail(
      r.head().has(header_flag::replay) ? status::file_not_available : status::duplicate_objectid);
  const open_ptr o = group->opens.find_unused(again.create_guid);
  if (!o)
    co_return std::nullopt;
  if (const std::uint32_t bad = check(r, again, *o); bad != status::success)
    co_return fail(bad);
  lock_query query;
  query.file_id = o->file;
  query.is_lease = true;
  auto [error, held] = co_await r.host().coordinator().async_list(
    std::move(query), asio::as_tuple(asio::use_awaitable));
  auto [lost, info] = co_await o->tree_connect->share->files.info(o->vfs_open);
  if (error || lost)
    co_return fail(status_of(error ? error : lost));
  if (group->opens.find(o->handle) != o) // it has ended meanwhile
    co_return fail(status::file_not_available);
  open_result now;
  describe(*o, held, now);
  vfs::opened opened;
  opened.action = o->action;
  opened.info = info;
  r.host().log().debug("{}: {} is answered again", r.on().peer(), o->path);
  co_return answer_of(asked, *o, opened, confirm(*o, again, std::move(now)));
}

create_guid_in_work::create_guid_in_work(connection& c, const std::optional<guid>& create_guid)
  : group_{c.group}, create_guid_{create_guid} {
  if (create_guid_)
    group_->create_guids_in_work.insert(*create_guid_);
}

create_guid_in_work::~create_guid_in_work() {
  if (create_guid_)
    group_->create_guids_in_work.erase(*create_guid_);
}

} // namespace leasebreak::smb::commands
