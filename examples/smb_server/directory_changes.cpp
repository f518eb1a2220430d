// Directory leases hear of changes through the coordinator, watches directly.
#include <smb_server/directory_changes.hpp>

#include <smb_server/server.hpp>

#include <leasebreak/model/quoted.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

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
  vfs::path name, std::optional<lease_key> parent_key, change_kind kind) {
  host.watches().report(share->place(), {{watched_name(name), kind.action, kind.what}});
  co_await break_parent(host, share, std::move(name), parent_key);
}

asio::awaitable<void> break_parent(server& host, std::shared_ptr<const served_share> share,
  vfs::path name, std::optional<lease_key> parent_key) {
  // The change has been made: however much the disk has to do, those who cache the directory hear
  // of it.
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
  auto [error, hold] =
    co_await host.coordinator().async_access(std::move(ask), asio::as_tuple(asio::use_awaitable));
  if (error)
    host.log().debug("change of a directory: {}", error.message());
}

asio::awaitable<void> tell_parent_of(server& host, const open& o, change_kind kind) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  const std::optional<lease_key> key = o.parent_key;
  vfs::detail::work<vfs::path> where = [file = o.vfs_open] { return file->current_path(); };
  auto [lost, name] = co_await share->files.async_finish<vfs::path>(
    std::move(where), asio::as_tuple(asio::use_awaitable));
  if (!lost)
    co_await tell_parent(host, share, std::move(name), key, kind);
}

asio::awaitable<void> end_watches(server& host, const open& o) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  vfs::detail::work<vfs::path> where = [file = o.vfs_open] { return file->current_path(); };
  auto [lost, name] = co_await share->files.async_finish<vfs::path>(
    std::move(where), asio::as_tuple(asio::use_awaitable));
  if (!lost)
    host.watches().report_gone(share->place(), name.name());
}

asio::awaitable<void> end_base(server& host, open& o) {
  const open_id handle = std::exchange(o.base_handle, open_id::none);
  if (handle == open_id::none)
    co_return;
  leasebreak::close_request ask{o.base_file, handle, false};
  auto [error, closed] =
    co_await host.coordinator().async_close(std::move(ask), asio::as_tuple(asio::use_awaitable));
  if (closed.delete_file)
    co_await remove_base(host, o, std::move(closed.hold), closed.parent_key);
}

asio::awaitable<void> remove_base(
  server& host, const open& o, leasebreak::hold hold, std::optional<lease_key> parent_key) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  vfs::detail::work<vfs::path> where = [file = o.vfs_open] { return file->current_path(); };
  auto [lost, name] = co_await share->files.async_finish<vfs::path>(
    std::move(where), asio::as_tuple(asio::use_awaitable));
  auto [error] =
    co_await share->files.async_remove_file(o.vfs_open, asio::as_tuple(asio::use_awaitable));
  hold.release();
  if (error)
    host.log().warn("cannot delete the file of {}: {}", quoted(o.path), error.message());
  else if (!lost)
    co_await tell_parent(host, share, name.base(), parent_key, name_removed(false, false));
}

asio::awaitable<void> after_close(server& host, open& o, bool delete_file, leasebreak::hold hold,
  std::optional<lease_key> parent_key) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  const vfs::open_ptr file = o.vfs_open;
  o.cursor.reset();
  host.paths().remove(o);
  host.instances().remove(o);
  vfs::path name;
  bool found = false;
  if (delete_file || o.wrote) {
    vfs::detail::work<vfs::path> where = [file] { return file->current_path(); };
    auto [lost, path] = co_await share->files.async_finish<vfs::path>(
      std::move(where), asio::as_tuple(asio::use_awaitable));
    found = !lost;
    name = std::move(path);
  }
  if (delete_file) {
    auto [error] = co_await share->files.async_remove(file, asio::as_tuple(asio::use_awaitable));
    if (error)
      host.log().warn("cannot delete {}: {}", quoted(o.path), error.message());
    hold.release();
  }
  if (found) {
    const std::optional<lease_key> key = delete_file ? parent_key : o.parent_key;
    const change_kind kind =
      delete_file ? name_removed(o.is_directory, o.is_stream) : data_written(o.is_stream);
    co_await tell_parent(host, share, std::move(name), key, kind);
  }
}

} // namespace leasebreak::smb
