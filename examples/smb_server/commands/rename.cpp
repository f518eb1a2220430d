// Renames and hard links (MS-FSA 2.1.5.14.6, 2.1.5.14.11): whoever caches handles of what moves, or
// of what is replaced, gives them up first.
#include <smb_server/commands/set_info.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/connection.hpp>
#include <smb_server/directory_changes.hpp>
#include <smb_server/server.hpp>
#include <smb_server/stored_state.hpp>
#include <smb_server/wire/file_information.hpp>

#include <leasebreak/model/access.hpp>

#include <vector>

namespace leasebreak::smb::commands {

namespace {

/// What lies where a file shall go.
struct surroundings {
  vfs::path from; ///< Where the file is now.
  file_name_id target; ///< The file of the new name; empty if there is none.
  file_name_id directory; ///< The directory of the new name.
};

vfs::result<surroundings> look_around(
  const vfs::share_ptr& files, const vfs::open_ptr& file, const vfs::path& target) {
  auto from = file->current_path();
  if (!from)
    return from.error();
  surroundings result;
  result.from = std::move(*from);
  const auto directory = files->lookup(target.parent());
  if (!directory)
    return directory.error();
  result.directory = directory->id.bytes();
  if (const auto there = files->lookup(target))
    result.target = there->id.bytes();
  return result;
}

asio::awaitable<std::tuple<error_code, surroundings>> look(
  const vfs::async_share& files, vfs::open_ptr file, vfs::path target) {
  vfs::detail::work<surroundings> job = [core = files.core(), file = std::move(file),
                                          target = std::move(target)] {
    return look_around(core, file, target);
  };
  co_return co_await files.async_run<surroundings>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
}

/// All that must be announced before a name changes.
struct permission {
  std::uint32_t status = status::success;
  leasebreak::hold source;
  leasebreak::hold target;
  leasebreak::hold directory;
  std::vector<leasebreak::hold> beneath;
};

/// A directory is only renamed if nobody has anything open beneath.
asio::awaitable<std::uint32_t> ask_beneath(
  request& r, const open& o, const vfs::path& from, std::vector<leasebreak::hold>& holds) {
  const std::vector<file_name_id> files =
    r.host().paths().beneath(o.tree_connect->share->place(), from.name());
  for (const file_name_id& file : files) {
    announced change = co_await announce(r, file, access_kind::rename_ancestor, open_id::none);
    if (change.status != status::success)
      co_return change.status;
    holds.push_back(std::move(change.hold));
  }
  co_return status::success;
}

/// What those who watch see of a rename.
void report_rename(server& host, const served_share& share, const open& o, const vfs::path& from,
  const vfs::path& to) {
  const std::uint32_t what =
    o.is_directory ? notify_filter::directory_name : notify_filter::file_name;
  const bool stays = from.parent() == to.parent();
  host.watches().report(share.place(),
    {{from.name(), stays ? change_action::renamed_from : change_action::removed, what},
      {to.name(), stays ? change_action::renamed_to : change_action::added, what}});
}

/// The file itself before anything is looked up: whoever caches its handles is told before requests
/// that the client sends after this one are answered.
asio::awaitable<permission> ask_source(request& r, const open_ptr& o) {
  permission result;
  announced source = co_await announce(r, o->file, access_kind::rename, o->handle);
  result.status = source.status;
  result.source = std::move(source.hold);
  co_return result;
}

/// What lies around it. `result` has what was granted before.
asio::awaitable<permission> ask_around(
  request& r, const open_ptr& o, const surroundings& around, bool replaces, permission result) {
  if (!around.target.empty() && around.target != o->file) {
    if (!replaces) {
      result.status = status::object_name_collision;
      co_return result;
    }
    announced target = co_await announce(r, around.target, access_kind::replace, open_id::none);
    result.status = target.status;
    result.target = std::move(target.hold);
    if (result.status != status::success)
      co_return result;
  }
  announced directory =
    co_await announce(r, around.directory, access_kind::rename_into, open_id::none);
  result.status = directory.status;
  result.directory = std::move(directory.hold);
  if (result.status != status::success)
    co_return result;
  if (o->is_directory)
    result.status = co_await ask_beneath(r, *o, around.from, result.beneath);
  co_return result;
}

asio::awaitable<reply> rename_stream(request& r, open_ptr o, rename_setting setting) {
  // Any other name would be the file's, one of whose streams is open.
  if (setting.name.empty() || setting.name.front() != ':')
    co_return fail(status::sharing_violation);
  auto name = vfs::parse_stream_name(setting.name);
  if (!name)
    co_return fail(status_of(name.error()));
  announced change;
  std::string to = *name;
  if (name->empty()) { // it becomes the file's data
    to = "::$DATA";
    change = co_await announce(r, o->base_file, access_kind::write, open_id::none);
    if (change.status != status::success)
      co_return fail(change.status);
  }
  if (!r.still_has(*o))
    co_return fail(status::file_closed);
  auto [error] = co_await o->tree_connect->share->files.async_rename_stream(
    o->vfs_open, std::move(to), setting.replace, asio::as_tuple(asio::use_awaitable));
  change.hold.release();
  if (error)
    co_return fail(status_of(error));
  co_return set_info_done();
}

/// A restart is to find the persistent opens of what is renamed. Nothing is renamed if that cannot
/// be stored. A directory has none, nor has one that is renamed any beneath.
asio::awaitable<std::uint32_t> expect_rename(
  request& r, const served_share& share, const vfs::path& from, const vfs::path& to) {
  const auto opens = r.host().paths().stored_at(share.place(), from.name());
  for (const auto& stored : opens) {
    const error_code error =
      co_await stored->expect_rename(r.host().coordinator(), from.name(), to.name());
    // One that has been closed meanwhile needs nothing.
    if (error && to_errc(error) != errc::unknown_open)
      co_return status_of(error);
  }
  co_return status::success;
}

std::string without_leading_backslash(std::string name) {
  if (!name.empty() && name.front() == '\\')
    name.erase(0, 1);
  return name;
}

} // namespace

asio::awaitable<reply> rename(request& r, const set_info_request& asked, open_ptr o) {
  if (!o->may(access::delete_file))
    co_return fail(status::access_denied);
  auto setting = parse_rename(asked.data);
  if (!setting)
    co_return fail(status::invalid_parameter);
  if (o->is_stream || setting->name.front() == ':')
    co_return co_await rename_stream(r, o, *setting);
  auto target = vfs::path::parse(without_leading_backslash(setting->name));
  if (!target)
    co_return fail(status_of(target.error()));
  const std::shared_ptr<const served_share> share = o->tree_connect->share;
  permission may = co_await ask_source(r, o);
  if (may.status != status::success)
    co_return fail(may.status);
  auto [lost, around] = co_await look(share->files, o->vfs_open, *target);
  if (lost)
    co_return fail(status_of(lost));
  may = co_await ask_around(r, o, around, setting->replace, std::move(may));
  if (may.status != status::success)
    co_return fail(may.status);
  const std::uint32_t unstored = co_await expect_rename(r, *share, around.from, *target);
  if (unstored != status::success)
    co_return fail(unstored);
  if (!r.still_has(*o))
    co_return fail(status::file_closed);
  auto [error] = co_await share->files.async_rename(
    o->vfs_open, *target, setting->replace, asio::as_tuple(asio::use_awaitable));
  may = {};
  if (error)
    co_return fail(status_of(error));
  const std::optional<lease_key> key = o->parent_key;
  const vfs::path from = around.from;
  r.host().paths().rename(share->place(), from.name(), target->name());
  report_rename(r.host(), *share, *o, from, *target);
  co_await break_parent(r.host(), share, from, key);
  if (from.parent() != target->parent())
    co_await break_parent(r.host(), share, *target, key);
  co_return set_info_done();
}

asio::awaitable<reply> link(request& r, const set_info_request& asked, open_ptr o) {
  auto setting = parse_rename(asked.data);
  if (!setting)
    co_return fail(status::invalid_parameter);
  auto target = vfs::path::parse(without_leading_backslash(setting->name));
  if (!target)
    co_return fail(status_of(target.error()));
  const std::shared_ptr<const served_share> share = o->tree_connect->share;
  auto [lost, around] = co_await look(share->files, o->vfs_open, *target);
  if (lost)
    co_return fail(status_of(lost));
  leasebreak::hold hold;
  if (!around.target.empty()) {
    if (!setting->replace)
      co_return fail(status::object_name_collision);
    announced replaced = co_await announce(r, around.target, access_kind::replace, open_id::none);
    if (replaced.status != status::success)
      co_return fail(replaced.status);
    hold = std::move(replaced.hold);
  }
  announced linked = co_await announce(r, o->file, access_kind::link, o->handle);
  if (linked.status != status::success)
    co_return fail(linked.status);
  if (!r.still_has(*o))
    co_return fail(status::file_closed);
  auto [error] = co_await share->files.async_link(
    o->vfs_open, *target, setting->replace, asio::as_tuple(asio::use_awaitable));
  hold.release();
  linked.hold.release();
  if (error)
    co_return fail(status_of(error));
  const std::optional<lease_key> key = o->parent_key;
  co_await tell_parent(r.host(), share, *target, key, name_added(false, false));
  co_return set_info_done();
}

} // namespace leasebreak::smb::commands
