#include <smb_server/commands/create_replay.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/commands/create_answer.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/quoted.hpp>

#include <utility>

namespace leasebreak::smb::commands {

namespace {

bool is_replay_of(const request& r, const open& o) {
  return r.head().has(header_flag::replay) && o.session_id == r.user->id &&
    o.tree_connect == r.tree_connect;
}

replay_request ask_again(const request& r, const create_again& again, const open& o) {
  replay_request ask{o.file, o.handle, r.on().terms.client, again.lease, again.oplock, r.on().id()};
  if (o.is_directory && !o.lease)
    ask.lease.reset(); // as in the first CREATE
  return ask;
}

} // namespace

asio::awaitable<std::optional<reply>> answer_again(
  request& r, const create_request& asked, const create_again& again) {
  const channel_group_ptr group = r.on().group;
  if (group->create_guids_in_work.count(again.create_guid) != 0)
    co_return fail(
      r.head().has(header_flag::replay) ? status::file_not_available : status::duplicate_objectid);
  const open_ptr o = group->opens.find_unused(again.create_guid);
  if (!o)
    co_return std::nullopt;
  if (!is_replay_of(r, *o))
    co_return fail(status::duplicate_objectid);
  auto [lost, info] = co_await o->tree_connect->share->files.info(o->vfs_open);
  if (lost)
    co_return fail(status_of(lost));
  auto [refused, granted] = co_await r.host().coordinator().async_replay(
    ask_again(r, again, *o), asio::as_tuple(asio::use_awaitable));
  if (refused == errc::unknown_open) // it has ended meanwhile
    co_return fail(status::file_not_available);
  if (refused)
    co_return fail(status_of(refused));
  vfs::opened opened;
  opened.action = o->action;
  opened.info = info;
  r.host().log().debug("{}: CREATE of {} is replayed", r.on().peer(), quoted(o->path));
  co_return answer_of(asked, *o, opened, granted);
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
