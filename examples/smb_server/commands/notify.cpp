// CHANGE_NOTIFY (MS-SMB2 3.3.5.19).
#include <smb_server/commands/access.hpp>
#include <smb_server/commands/commands.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>
#include <smb_server/wire/query.hpp>

#include <boost/asio/deferred.hpp>

namespace leasebreak::smb::commands {

namespace {

/// Starts the watch of an open, with the parameters of its first request.
asio::awaitable<std::uint32_t> begin_watch(request& r, const notify_request& asked, open_ptr o) {
  vfs::detail::work<vfs::path> where = [file = o->vfs_open] { return file->current_path(); };
  auto [lost, path] = co_await o->tree_connect->share->files.async_run<vfs::path>(
    std::move(where), asio::as_tuple(asio::use_awaitable));
  if (lost)
    co_return status_of(lost);
  if (o->watch)
    co_return status::success; // another request has started it
  watch_terms terms;
  terms.client = r.on().group.get();
  terms.user = r.user->share.number;
  terms.share = o->tree_connect->share->place();
  terms.directory = path.name();
  terms.recursive = asked.recursive;
  terms.filter = asked.filter;
  terms.bytes_max = asked.output_max;
  o->watch = r.host().watches().add(std::move(terms), r.on().get_executor());
  co_return status::success;
}

/// Removes the request from the watch at the end of its scope.
class waiting_in {
public:
  waiting_in(watch& w, notify_waiter& waiter) : watch_{w}, waiter_{waiter} { w.wait(waiter); }
  ~waiting_in() { watch_.leave(waiter_); }
  waiting_in(const waiting_in&) = delete;
  waiting_in& operator=(const waiting_in&) = delete;

private:
  watch& watch_;
  notify_waiter& waiter_;
};

asio::awaitable<reply> wait_for_changes(request& r, std::size_t room, watch_ptr w) {
  notify_waiter waiter{r.host().runs_on(), r.on().get_executor()};
  waiter.room = room;
  const waiting_in guard{*w, waiter};
  if (!waiter.answered)
    co_await r.wait_for(waiter.timer.async_wait(asio::deferred));
  if (!waiter.answered)
    co_return fail(status::cancelled);
  if (waiter.status != status::success)
    co_return fail(waiter.status);
  reply answer;
  encode_buffer_response(answer.out, waiter.data);
  co_return answer;
}

} // namespace

asio::awaitable<reply> change_notify(request& r) {
  const auto asked = parse_notify(r.bytes());
  if (!asked || asked->output_max > r.host().options().limits.io_bytes ||
    !r.pays_for(asked->output_max) || asked->filter == 0)
    co_return fail(status::invalid_parameter);
  open_ptr o;
  if (const std::uint32_t bad = r.find_directory(asked->id, o); bad != status::success)
    co_return fail(bad);
  // A pending request cannot get its response in the middle of a compound. Real servers fail it
  // with this status, and clients expect that.
  if (!r.compound().is_last)
    co_return fail(status::internal_error);
  if (!o->watch) {
    if (const std::uint32_t bad = co_await begin_watch(r, *asked, o); bad != status::success)
      co_return fail(bad);
  }
  // The open may have been closed meanwhile.
  if (!r.still_has(*o))
    co_return fail(status::file_closed);
  const watch_ptr w = o->watch;
  o.reset();
  co_return co_await wait_for_changes(r, asked->output_max, w);
}

} // namespace leasebreak::smb::commands
