// Reports changes to directory leases through the coordinator, and to watches directly.
#include <smb_server/notify/directory_changes.hpp>

#include <smb_server/net/connection.hpp>
#include <smb_server/requests/request.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/quoted.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace leasebreak::smb {

namespace asio = boost::asio;

change_kind name_added(bool is_directory, bool is_stream) {
  if (is_stream)
    return {change_action::added_stream, notify_filter::stream_name};
  return {
    change_action::added, is_directory ? notify_filter::directory_name : notify_filter::file_name};
}

change_kind name_removed(bool is_directory, bool is_stream) {
  change_kind kind = name_added(is_directory, is_stream);
  kind.action = is_stream ? change_action::removed_stream : change_action::removed;
  return kind;
}

change_kind data_written(bool is_stream) {
  if (is_stream)
    return {
      change_action::modified_stream, notify_filter::stream_write | notify_filter::stream_size};
  return {change_action::modified, notify_filter::last_write | notify_filter::size};
}

std::string watched_name(const vfs::path& path) {
  return path.stream().empty() ? path.name() : path.name() + ":" + path.stream() + ":$DATA";
}

asio::awaitable<void> tell_parent(server& host, std::shared_ptr<const served_share> share,
  vfs::path name, std::optional<lease_key> parent_key, change_kind kind, request* cause) {
  host.watches().report(share->place(), {{watched_name(name), kind.action, kind.what}});
  co_await break_parent(host, share, std::move(name), parent_key, cause);
}

asio::awaitable<void> break_parent(server& host, std::shared_ptr<const served_share> share,
  vfs::path name, std::optional<lease_key> parent_key, request* cause) {
  // `async_finish` is never refused for too many operations: the change is made, and the holders of
  // directory leases must be notified.
  vfs::work<vfs::file_info> look = [core = share->files.core(), parent = name.parent()] {
    return core->lookup(parent);
  };
  auto [lost, info] = co_await share->files.async_finish<vfs::file_info>(
    std::move(look), asio::as_tuple(asio::use_awaitable));
  if (lost)
    co_return;
  access_request ask;
  ask.file = info.id.bytes();
  ask.kind = access_kind::change_children;
  ask.parent_key = parent_key;
  if (cause != nullptr)
    ask.client = cause->on().terms.client;
  auto [error, told] =
    co_await host.coordinator().async_access(std::move(ask), asio::as_tuple(asio::use_awaitable));
  if (error)
    host.log().debug("change of a directory: {}", error.message());
  if (told.answer)
    cause->answers.push_back(std::move(told.answer));
}

asio::awaitable<void> tell_parent_of(
  server& host, const open& o, change_kind kind, request* cause) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  const std::optional<lease_key> key = o.parent_key;
  vfs::detail::work<vfs::path> where = [file = o.vfs_open] { return file->current_path(); };
  auto [lost, name] = co_await share->files.async_finish<vfs::path>(
    std::move(where), asio::as_tuple(asio::use_awaitable));
  if (!lost)
    co_await tell_parent(host, share, std::move(name), key, kind, cause);
}

asio::awaitable<void> end_watches(server& host, const open& o) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  vfs::detail::work<vfs::path> where = [file = o.vfs_open] { return file->current_path(); };
  auto [lost, name] = co_await share->files.async_finish<vfs::path>(
    std::move(where), asio::as_tuple(asio::use_awaitable));
  if (!lost)
    host.watches().report_gone(share->place(), name.name());
}

bool deletes_directory(const open& o) {
  return o.is_directory && (o.options & create_option::delete_on_close) != 0;
}

namespace {

/// Guards a whole directory. Returns an empty guard if its deletion is pending.
asio::awaitable<entry_guard> guard_directory(server& host, open_ptr o) {
  entry_guard_request whole{o->file, {}, {}};
  auto [refused, guard] = co_await host.coordinator().async_guard_entry(
    std::move(whole), asio::as_tuple(asio::use_awaitable));
  co_return std::move(guard);
}

asio::awaitable<bool> has_entries(open_ptr o) {
  auto [error] = co_await o->tree_connect->share->files.ahead().async_check_empty(
    o->vfs_open, asio::as_tuple(asio::use_awaitable));
  co_return error == boost::system::errc::directory_not_empty;
}

asio::awaitable<std::tuple<error_code, close_result>> close_deleting(server& host, open_ptr o) {
  entry_guard guard = co_await guard_directory(host, o);
  bool keeps = false;
  if (guard)
    keeps = co_await has_entries(o);
  // Release the guard as soon as the close is sent. The deletion is then pending before another
  // request gets a guard, and the close may wait for breaks of other clients.
  const auto start = [&host, &o, &held = guard, keeps](auto handler) {
    host.coordinator().async_close({o->file, o->handle, false, keeps}, std::move(handler));
    held.release();
  };
  auto token = asio::as_tuple(asio::use_awaitable);
  co_return co_await asio::async_initiate<decltype(token), void(error_code, close_result)>(
    start, token);
}

} // namespace

// Guards of several directories are acquired in the order of their ids, like those of renames,
// which prevents deadlocks.
asio::awaitable<std::vector<entry_guard>> spare_directories(
  server& host, std::vector<open_ptr> ending, bool keep) {
  std::erase_if(ending,
    [keep](const open_ptr& o) { return !deletes_directory(*o) || (keep && o->may_be_kept()); });
  std::stable_sort(ending.begin(), ending.end(),
    [](const open_ptr& a, const open_ptr& b) { return a->file < b->file; });
  std::vector<entry_guard> guards;
  std::optional<file_name_id> guarded;
  for (const open_ptr& o : ending) {
    if (guarded == o->file)
      continue; // it is guarded, and empty
    entry_guard guard = co_await guard_directory(host, o);
    if (!guard)
      continue;
    if (co_await has_entries(o)) {
      leasebreak::close_request ask{o->file, o->handle, false, true};
      co_await host.coordinator().async_close(std::move(ask), asio::as_tuple(asio::use_awaitable));
    } else {
      guarded = o->file;
      guards.push_back(std::move(guard));
    }
  }
  co_return guards;
}

asio::awaitable<std::tuple<error_code, close_result>> tell_closed(
  server& host, open_ptr o, bool keep) {
  if (!keep && deletes_directory(*o))
    co_return co_await close_deleting(host, o);
  leasebreak::close_request ask{o->file, o->handle, keep};
  co_return co_await host.coordinator().async_close(
    std::move(ask), asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> end_base(server& host, open& o, request* cause) {
  const open_id handle = std::exchange(o.base_handle, open_id::none);
  if (handle == open_id::none)
    co_return;
  leasebreak::close_request ask{o.base_file, handle, false};
  auto [error, closed] =
    co_await host.coordinator().async_close(std::move(ask), asio::as_tuple(asio::use_awaitable));
  deletion gone = deletion_of(closed);
  if (closed.delete_file)
    co_await remove_base(host, o, std::move(gone), cause);
}

deletion deletion_of(close_result& closed) {
  return {std::move(closed.hold), closed.parent_key, std::move(closed.names)};
}

deletion deletion_of(open_lost& lost) {
  return {std::move(lost.hold), lost.parent_key, std::move(lost.names)};
}

namespace {

/// Removes the names through which the deletion was requested. Other hard links stay (MS-FSA
/// 2.1.5.15.3). Returns the removed names.
asio::awaitable<std::vector<vfs::path>> remove_names(
  server& host, const open& o, const std::vector<deleted_name>& names) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  const vfs::open_ptr file = o.vfs_open;
  std::vector<vfs::path> gone;
  for (const deleted_name& name : names) {
    auto path = vfs::path::parse(name.path);
    if (!path || name.root != share->root())
      continue;
    auto [error] =
      co_await share->files.async_remove_name(file, *path, asio::as_tuple(asio::use_awaitable));
    if (!error)
      gone.push_back(std::move(*path));
    else
      host.log().debug("cannot delete {}: {}", quoted(name.path), error.message());
  }
  auto [lost, info] = co_await share->files.async_info(file, asio::as_tuple(asio::use_awaitable));
  // No name was removed. If only one is left, it is the requested name, which was changed
  // meanwhile.
  if (!gone.empty() || (!names.empty() && !lost && info.links > 1))
    co_return gone;
  vfs::detail::work<vfs::path> where = [file] { return file->current_path(); };
  auto [unknown, now] = co_await share->files.async_finish<vfs::path>(
    std::move(where), asio::as_tuple(asio::use_awaitable));
  auto [error] = co_await share->files.async_remove_file(file, asio::as_tuple(asio::use_awaitable));
  if (error)
    host.log().warn("cannot delete {}: {}", quoted(o.path), error.message());
  else if (!unknown)
    gone.push_back(now.base());
  co_return gone;
}

} // namespace

asio::awaitable<void> remove_base(server& host, const open& o, deletion d, request* cause) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  const std::vector<vfs::path> gone = co_await remove_names(host, o, d.names);
  d.hold.release();
  for (const vfs::path& name : gone)
    co_await tell_parent(host, share, name, d.parent_key, name_removed(false, false), cause);
}

namespace {

/// Deletes a stream. Its file stays.
asio::awaitable<void> remove_stream(server& host, const open& o, deletion d, request* cause) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  vfs::detail::work<vfs::path> where = [file = o.vfs_open] { return file->current_path(); };
  auto [lost, name] = co_await share->files.async_finish<vfs::path>(
    std::move(where), asio::as_tuple(asio::use_awaitable));
  auto [error] =
    co_await share->files.async_remove(o.vfs_open, asio::as_tuple(asio::use_awaitable));
  if (error)
    host.log().warn("cannot delete {}: {}", quoted(o.path), error.message());
  d.hold.release();
  if (!lost)
    co_await tell_parent(
      host, share, std::move(name), d.parent_key, name_removed(false, true), cause);
}

} // namespace

asio::awaitable<void> after_close(server& host, open& o, deletion d, request* cause) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  const vfs::open_ptr file = o.vfs_open;
  o.cursor.reset();
  host.paths().remove(o);
  if (d.hold && o.is_stream) {
    co_await remove_stream(host, o, std::move(d), cause);
  } else if (d.hold) {
    const std::vector<vfs::path> gone = co_await remove_names(host, o, d.names);
    d.hold.release();
    for (const vfs::path& name : gone)
      co_await tell_parent(
        host, share, name, d.parent_key, name_removed(o.is_directory, false), cause);
  } else if (o.wrote) {
    co_await tell_parent_of(host, o, data_written(o.is_stream), cause);
  }
}

} // namespace leasebreak::smb
