// Directory leases hear of changes through the coordinator.
#include <smb_server/directory_changes.hpp>

#include <smb_server/server.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace leasebreak::smb {

namespace asio = boost::asio;

asio::awaitable<void> tell_parent(server& host, std::shared_ptr<const served_share> share,
  vfs::path name, std::optional<lease_key> parent_key) {
  vfs::path parent = name.parent();
  auto [lost, info] =
    co_await share->files.async_lookup(std::move(parent), asio::as_tuple(asio::use_awaitable));
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

asio::awaitable<void> tell_parent_of(server& host, const open& o) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  const std::optional<lease_key> key = o.parent_key;
  vfs::detail::work<vfs::path> where = [file = o.vfs_open] { return file->current_path(); };
  auto [lost, name] = co_await share->files.async_run<vfs::path>(
    std::move(where), asio::as_tuple(asio::use_awaitable));
  if (!lost)
    co_await tell_parent(host, share, std::move(name), key);
}

asio::awaitable<void> after_close(server& host, open& o, bool delete_file, leasebreak::hold hold) {
  const std::shared_ptr<const served_share> share = o.tree_connect->share;
  vfs::open_ptr file = std::move(o.vfs_open);
  o.cursor.reset();
  vfs::path name;
  bool found = false;
  if (delete_file || o.wrote) {
    vfs::detail::work<vfs::path> where = [file] { return file->current_path(); };
    auto [lost, path] = co_await share->files.async_run<vfs::path>(
      std::move(where), asio::as_tuple(asio::use_awaitable));
    found = !lost;
    name = std::move(path);
  }
  if (delete_file) {
    auto [error] = co_await share->files.async_remove(file, asio::as_tuple(asio::use_awaitable));
    if (error)
      host.log().warn("cannot delete {}: {}", o.path, error.message());
    hold.release();
  }
  if (found) {
    const std::optional<lease_key> key = o.parent_key;
    co_await tell_parent(host, share, std::move(name), key);
  }
  // Nothing that the client may ask for next depends on it.
  share->files.async_close(std::move(file), asio::detached);
}

} // namespace leasebreak::smb
