// How opens, sessions and connections end (MS-SMB2 3.3.4.17, 3.3.5.6, 3.3.7.1).
#include <smb_server/connection.hpp>
#include <smb_server/directory_changes.hpp>
#include <smb_server/directory_watches.hpp>
#include <smb_server/server.hpp>
#include <smb_server/stored_state.hpp>

#include <poll.h>

#include <algorithm>

namespace leasebreak::smb {

asio::awaitable<void> connection::close_open(open_ptr o, bool keep) {
  const auto self = shared_from_this();
  // MS-SMB2 3.3.4.1: who waits for changes learns that there will be none.
  if (const watch_ptr w = std::exchange(o->watch, nullptr))
    w->end(status::notify_cleanup);
  keep = keep && o->durable;
  if (keep && o->stored)
    o->stored->note_position(host_.coordinator(), o->position);
  if (keep)
    host_.kept().expect(o->handle);
  leasebreak::close_request ask{o->file, o->handle, keep};
  auto [error, closed] =
    co_await host_.coordinator().async_close(std::move(ask), asio::as_tuple(asio::use_awaitable));
  if (error)
    host_.log().debug("{}: closing {}: {}", peer_, o->path, error.message());
  if (closed.kept && host_.kept().keep(o)) {
    host_.log().info("{}: keep {} for its client", peer_, o->path);
    co_return;
  }
  host_.kept().forget(o->handle);
  if (o->is_directory && (o->options & create_option::delete_on_close) != 0)
    co_await end_watches(host_, *o);
  co_await end_base(host_, *o);
  co_await after_close(host_, *o, closed.delete_file, std::move(closed.hold), closed.parent_key);
}

asio::awaitable<void> connection::end_session(session_ptr s, const request* cause) {
  const auto self = shared_from_this();
  s->valid = false;
  s->channels = 0;
  for (connection* c : group->members)
    c->drop_channel(*s, cause);
  const std::vector<open_ptr> ending = opens.of_session(s->id);
  for (const open_ptr& o : ending) {
    if (const open_ptr mine = opens.remove(o->id))
      co_await close_open(mine, true);
  }
  s->trees.clear();
  host_.remove_session(s->id);
}

asio::awaitable<void> connection::tear_down() {
  const auto self = shared_from_this();
  for (const auto& [id, r] : requests_)
    r->cancel();
  // MS-SMB2 3.3.7.1: a session ends with its last channel, and its opens with it.
  const auto had = std::exchange(channels, {});
  std::vector<session_ptr> ending;
  for (const auto& [id, c] : had) {
    if (!c->counted || c->of->channels == 0)
      continue;
    if (--c->of->channels == 0)
      ending.push_back(c->of);
    else
      leave_opens(*c->of);
  }
  std::vector<bool> were_valid;
  for (const session_ptr& s : ending) {
    were_valid.push_back(std::exchange(s->valid, false));
    host_.remove_session(s->id);
  }
  for (std::size_t i = 0; i < ending.size(); ++i)
    co_await end_lost_session(ending[i], were_valid[i]);
  // Requests that were on their way find the connection closed, and give up what they were granted.
  while (in_flight_ > 0)
    co_await change();
  if (is_negotiated())
    host_.clients().remove(terms.client, this);
}

/// The session's opens that were made here are from now on as if made on another of its channels.
void connection::leave_opens(const session& s) {
  const auto self = shared_from_this();
  std::shared_ptr<connection> heir;
  for (connection* c : group->members) {
    const channel_ptr there = c->find_channel(s.id);
    if (!heir && there && there->counted)
      heir = c->shared_from_this();
  }
  if (!heir)
    return;
  for (const open_ptr& o : opens.of_session(s.id)) {
    if (o->on.lock() != self)
      continue;
    o->on = heir;
    if (o->durable)
      host_.kept().attach(o->handle, heir);
  }
}

asio::awaitable<void> connection::end_lost_session(session_ptr s, bool was_valid) {
  if (!was_valid)
    co_return;
  std::vector<open_ptr> ending = opens.of_session(s->id);
  for (const open_ptr& o : ending)
    opens.remove(o->id);
  const auto durable = std::stable_partition(
    ending.begin(), ending.end(), [](const open_ptr& o) { return !o->durable; });
  for (auto it = durable; it != ending.end(); ++it) {
    co_await close_open(*it, true);
    wake(); // whoever waits for it
  }
  ending.erase(durable, ending.end());
  disconnect_request ask{terms.client, lifetime_of(*s)};
  auto [error, gone] = co_await host_.coordinator().async_disconnect(
    std::move(ask), asio::as_tuple(asio::use_awaitable));
  if (error)
    host_.log().debug("{}: disconnecting: {}", peer_, error.message());
  co_await delete_files(std::move(gone), std::move(ending));
}

/// Whether the peer has ended its half, though what it sent before may not have been read yet.
bool connection::peer_has_left() {
  pollfd ours{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&ours, 1, 0) == 1;
}

asio::awaitable<void> connection::let_go(open_id handle) {
  const auto self = shared_from_this();
  if (!closed_ && peer_has_left())
    close("the peer is gone, and back on another connection");
  asio::steady_timer limit{socket_.get_executor(), host_.options().limits.let_go_time};
  limit.async_wait([self](error_code error) {
    if (!error)
      self->wake();
  });
  while (closed_ && host_.kept().connection_of(handle) == self &&
    limit.expiry() > std::chrono::steady_clock::now())
    co_await change();
}

asio::awaitable<void> connection::delete_files(
  disconnect_result gone, std::vector<open_ptr> opens_gone) {
  for (const open_ptr& o : opens_gone) {
    leasebreak::hold hold;
    leasebreak::hold base;
    std::optional<lease_key> key;
    std::optional<lease_key> base_key;
    for (file_to_delete& f : gone.to_delete) {
      if (f.file == o->file && f.hold) {
        hold = std::move(f.hold);
        key = f.parent_key;
      } else if (o->is_stream && f.file == o->base_file && f.hold) {
        base = std::move(f.hold);
        base_key = f.parent_key;
      }
    }
    const bool remove = static_cast<bool>(hold);
    if (base)
      co_await remove_base(host_, *o, std::move(base), base_key);
    co_await after_close(host_, *o, remove, std::move(hold), key);
  }
}

} // namespace leasebreak::smb
