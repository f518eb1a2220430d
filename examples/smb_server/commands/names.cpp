#include <smb_server/commands/names.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/notify/directory_changes.hpp>
#include <smb_server/server.hpp>

#include <utility>

namespace leasebreak::smb::commands {

asio::awaitable<guarded> guard_entry(request& r, entry_guard_request ask) {
  auto [error, guard] =
    co_await r.wait_for(r.host().coordinator().async_guard_entry(std::move(ask)));
  guarded result;
  result.status = status_of(error);
  result.error = error;
  result.guard = std::move(guard);
  co_return result;
}

asio::awaitable<guarded> guard_name(request& r, vfs::path name) {
  auto [lost, directory] = co_await r.tree_connect->share->files.async_lookup(
    name.parent(), asio::as_tuple(asio::use_awaitable));
  if (lost) {
    guarded result;
    result.status = status_of(lost);
    result.error = lost;
    co_return result;
  }
  entry_guard_request ask{directory.id.bytes(), std::string(name.leaf()), {}};
  co_return co_await guard_entry(r, std::move(ask));
}

asio::awaitable<meaning> look_again(request& r, vfs::path name, file_name_id file) {
  const guarded name_guard = co_await guard_name(r, name);
  if (name_guard.status != status::success)
    co_return meaning::none;
  auto [lost, now] = co_await r.tree_connect->share->files.ahead().async_lookup(
    std::move(name), asio::as_tuple(asio::use_awaitable));
  if (lost)
    co_return meaning::none;
  co_return now.id.bytes() == file ? meaning::same : meaning::other;
}

namespace {

/// Returns a hold on a file that has no opens, which prevents new ones. Returns an empty hold
/// otherwise.
asio::awaitable<leasebreak::hold> take_unopened(server& host, file_name_id file) {
  access_request ask;
  ask.file = std::move(file);
  ask.kind = access_kind::remove_unopened;
  auto [refused, granted] =
    co_await host.coordinator().async_access(std::move(ask), asio::as_tuple(asio::use_awaitable));
  co_return std::move(granted.hold);
}

/// Returns whether no other client has left data in a new file or stream meanwhile. A stream is
/// judged by its size, because the times belong to its file, which may have other opens.
asio::awaitable<bool> is_untouched(request& r, const vfs::opened& made) {
  auto [error, now] = co_await r.tree_connect->share->files.async_info(
    made.file, asio::as_tuple(asio::use_awaitable));
  const bool is_stream = !made.info.id.stream.empty();
  co_return !error && (is_stream ? now.end_of_file == 0 : now.change_time == made.info.change_time);
}

} // namespace

asio::awaitable<void> undo_create(request& r, vfs::opened opened) {
  if (!opened.file || !opened.created || opened.unnamed)
    co_return;
  server& host = r.host();
  const leasebreak::hold made = co_await take_unopened(host, opened.info.id.bytes());
  if (!made || !co_await is_untouched(r, opened))
    co_return; // another client uses it
  leasebreak::hold base;
  if (opened.base_created) {
    vfs::identity id = opened.info.id;
    id.stream.clear();
    base = co_await take_unopened(host, id.bytes());
    opened.base_created = static_cast<bool>(base);
  }
  const std::shared_ptr<const served_share> share = r.tree_connect->share;
  vfs::detail::work<vfs::path> where = [file = opened.file] { return file->current_path(); };
  auto [lost, name] = co_await share->files.async_finish<vfs::path>(
    std::move(where), asio::as_tuple(asio::use_awaitable));
  auto [error] =
    co_await share->files.async_undo_create(std::move(opened), asio::as_tuple(asio::use_awaitable));
  if (error)
    host.log().warn("cannot undo a create: {}", error.message());
  else if (!lost) // others may have listed the directory meanwhile, and cache the name
    co_await break_parent(host, share, std::move(name), std::nullopt, &r);
}

} // namespace leasebreak::smb::commands
