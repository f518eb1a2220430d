// Renames and hard links (MS-FSA 2.1.5.14.6, 2.1.5.14.11): whoever caches handles of what moves, or
// of what is replaced, gives them up first.
#include <smb_server/commands/set_info.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/connection.hpp>
#include <smb_server/directory_changes.hpp>
#include <smb_server/server.hpp>
#include <smb_server/wire/file_information.hpp>

#include <leasebreak/model/access.hpp>

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
};

asio::awaitable<permission> ask(
  request& r, const open_ptr& o, const surroundings& around, bool replaces) {
  permission result;
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
  announced source = co_await announce(r, o->file, access_kind::rename, o->handle);
  result.status = source.status;
  result.source = std::move(source.hold);
  co_return result;
}

asio::awaitable<reply> rename_stream(open_ptr o, rename_setting setting) {
  auto name = vfs::parse_stream_name(setting.name);
  if (!name)
    co_return fail(status_of(name.error()));
  auto [error] = co_await o->tree_connect->share->files.async_rename_stream(
    o->vfs_open, *name, setting.replace, asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  co_return set_info_done();
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
    co_return co_await rename_stream(o, *setting);
  auto target = vfs::path::parse(without_leading_backslash(setting->name));
  if (!target)
    co_return fail(status_of(target.error()));
  const std::shared_ptr<const served_share> share = o->tree_connect->share;
  auto [lost, around] = co_await look(share->files, o->vfs_open, *target);
  if (lost)
    co_return fail(status_of(lost));
  permission may = co_await ask(r, o, around, setting->replace);
  if (may.status != status::success)
    co_return fail(may.status);
  auto [error] = co_await share->files.async_rename(
    o->vfs_open, *target, setting->replace, asio::as_tuple(asio::use_awaitable));
  may = {};
  if (error)
    co_return fail(status_of(error));
  const std::optional<lease_key> key = o->parent_key;
  const vfs::path from = around.from;
  co_await tell_parent(r.host(), share, from, key);
  if (from.parent() != target->parent())
    co_await tell_parent(r.host(), share, *target, key);
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
  auto [error] = co_await share->files.async_link(
    o->vfs_open, *target, setting->replace, asio::as_tuple(asio::use_awaitable));
  hold.release();
  if (error)
    co_return fail(status_of(error));
  const std::optional<lease_key> key = o->parent_key;
  co_await tell_parent(r.host(), share, *target, key);
  co_return set_info_done();
}

} // namespace leasebreak::smb::commands
