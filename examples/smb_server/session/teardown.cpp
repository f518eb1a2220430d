// The ends of opens, tree connects, sessions and connections (MS-SMB2 3.3.4.17, 3.3.5.6, 3.3.7.1).
#include <smb_server/net/connection.hpp>
#include <smb_server/notify/directory_changes.hpp>
#include <smb_server/notify/directory_watches.hpp>
#include <smb_server/opens/stored_state.hpp>
#include <smb_server/runtime/mutant.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/quoted.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace leasebreak::smb {

namespace {

/// A close that deletes the file may wait for other clients.
// Not a coroutine: that would allocate another frame for each close.
asio::awaitable<std::tuple<error_code, close_result>> wait_closed(
  server& host, const open_ptr& o, bool keep, request* cause) {
  auto closing = tell_closed(host, o, keep);
  return cause != nullptr ? cause->wait_silently(std::move(closing)) : std::move(closing);
}

} // namespace

asio::awaitable<error_code> connection::close_open(open_ptr o, bool keep, request* cause) {
  const auto self = shared_from_this();
  // MS-SMB2 3.3.4.1: complete the pending CHANGE_NOTIFY requests.
  if (const watch_ptr w = std::exchange(o->watch, nullptr))
    w->end(status::notify_cleanup);
  keep = keep && o->may_be_kept();
  if (keep && o->stored)
    o->stored->note_position(host_.coordinator(), o->position);
  if (keep)
    host_.kept().expect(o->handle);
  auto [error, closed] = co_await wait_closed(host_, o, keep, cause);
  if (error)
    host_.log().debug("{}: closing {}: {}", peer_, quoted(o->path), error.message());
  std::optional<open_lost> lost = closed.kept ? host_.kept().keep(o) : host_.kept().forget(*o);
  if (closed.kept && !lost) {
    host_.log().info("{}: keep {} for its client", peer_, quoted(o->path));
    co_return error;
  }
  if (deletes_directory(*o))
    co_await end_watches(host_, *o);
  co_await end_base(host_, *o, cause);
  deletion gone = lost ? deletion_of(*lost) : deletion_of(closed);
  co_await after_close(host_, *o, std::move(gone), cause);
  co_return error;
}

/// Call it after the opens are removed from the table, before the coordinator ends them together.
void connection::prepare_end(const std::vector<open_ptr>& ending, bool keep) {
  for (const open_ptr& o : ending) {
    // MS-SMB2 3.3.4.1: complete the pending CHANGE_NOTIFY requests.
    if (const watch_ptr w = std::exchange(o->watch, nullptr))
      w->end(status::notify_cleanup);
    if (!keep || !o->may_be_kept())
      continue;
    if (o->stored)
      o->stored->note_position(host_.coordinator(), o->position);
    host_.kept().expect(o->handle);
  }
}

end_turn::end_turn(connection& whose) : group{whose.group}, on{whose} {
  group->ends.push_back(this);
}

end_turn::~end_turn() {
  std::erase(group->ends, this);
  if (!group->ends.empty())
    group->ends.front()->on.wake();
}

/// Call it as soon as the opens are taken from the table.
asio::awaitable<std::unique_ptr<end_turn>> connection::begin_end() {
  auto turn = std::make_unique<end_turn>(*this);
  while (group->ends.front() != turn.get())
    co_await change();
  co_return turn;
}

asio::awaitable<void> connection::finish_end(std::vector<open_ptr> ending, disconnect_result gone,
  std::unique_ptr<end_turn> turn, request* cause) {
  struct ended {
    open_ptr o;
    std::optional<open_lost> lost;
  };
  std::sort(gone.kept.begin(), gone.kept.end());
  std::vector<ended> rest;
  for (open_ptr& o : ending) {
    const bool is_kept = std::binary_search(gone.kept.begin(), gone.kept.end(), o->handle);
    std::optional<open_lost> lost = is_kept ? host_.kept().keep(o) : host_.kept().forget(*o);
    if (is_kept && !lost)
      host_.log().info("{}: keep {} for its client", peer_, quoted(o->path));
    else
      rest.push_back({std::move(o), std::move(lost)});
  }
  turn.reset();
  wake(); // for `let_go`: a client that reconnects must not wait for the disk
  for (ended& each : rest) {
    if (each.lost)
      co_await host_.finish_lost(each.o, std::move(*each.lost));
    else
      co_await finish_end(each.o, gone, cause);
  }
  // The coordinator may also have ended opens whose CREATE has no response yet. Such an open is in
  // no table, and may have been the last one of its file.
  for (file_to_delete& f : gone.to_delete) {
    if (f.hold && !LEASEBREAK_MUTANT(unanswered_opens_delete_nothing))
      co_await host_.delete_unopened(std::move(f));
  }
}

asio::awaitable<void> connection::finish_end(open_ptr o, disconnect_result& gone, request* cause) {
  deletion file;
  deletion base;
  for (file_to_delete& f : gone.to_delete) {
    if (f.file == o->file && f.hold)
      file = {std::move(f.hold), f.parent_key, std::move(f.names)};
    else if (o->is_stream && f.file == o->base_file && f.hold)
      base = {std::move(f.hold), f.parent_key, std::move(f.names)};
  }
  if (deletes_directory(*o))
    co_await end_watches(host_, *o);
  if (base.hold)
    co_await remove_base(host_, *o, std::move(base), cause);
  co_await after_close(host_, *o, std::move(file), cause);
}

asio::awaitable<void> connection::end_tree(session_ptr s, tree_ptr t, request& cause) {
  const auto self = shared_from_this();
  std::vector<open_ptr> ending = opens.of_session(s->id, t);
  for (const open_ptr& o : ending)
    opens.remove(o->id);
  prepare_end(ending, false);
  auto turn = co_await begin_end();
  std::vector<entry_guard> guards = co_await spare_directories(host_, ending, false);
  end_tree_request ask{s->client, id_of(*s), id_of(*t)};
  auto [error, gone] =
    co_await host_.coordinator().async_end_tree(ask, asio::as_tuple(asio::use_awaitable));
  if (error)
    host_.log().debug("{}: ending a tree: {}", peer_, error.message());
  guards.clear();
  co_await finish_end(std::move(ending), std::move(gone), std::move(turn), &cause);
}

asio::awaitable<void> connection::end_session(session_ptr s, request* cause) {
  const auto self = shared_from_this();
  s->valid = false;
  s->channels = 0;
  for (connection* c : group->members)
    c->drop_channel(*s, cause);
  std::vector<open_ptr> ending = opens.of_session(s->id);
  for (const open_ptr& o : ending)
    opens.remove(o->id);
  prepare_end(ending, true);
  auto turn = co_await begin_end();
  std::vector<entry_guard> guards = co_await spare_directories(host_, ending, true);
  end_session_request ask{s->client, id_of(*s)};
  auto [error, gone] =
    co_await host_.coordinator().async_end_session(ask, asio::as_tuple(asio::use_awaitable));
  if (error)
    host_.log().debug("{}: ending a session: {}", peer_, error.message());
  guards.clear();
  co_await finish_end(std::move(ending), std::move(gone), std::move(turn), cause);
  s->trees.clear();
  host_.remove_session(s->id);
}

/// MS-SMB2 3.3.7.1: a session ends with its last channel. Returns the sessions that end.
std::vector<session_ptr> connection::leave_sessions() {
  std::vector<session_ptr> ending;
  for (const auto& [id, c] : std::exchange(channels, {})) {
    if (!c->counted || c->of->channels == 0)
      continue;
    if (--c->of->channels == 0)
      ending.push_back(c->of);
    else
      leave_opens(*c->of);
  }
  return ending;
}

asio::awaitable<void> connection::tear_down() {
  const auto self = shared_from_this();
  std::vector<open_ptr> ending;
  for (const session_ptr& s : leave_sessions()) {
    if (std::exchange(s->valid, false)) {
      for (const open_ptr& o : opens.of_session(s->id))
        ending.push_back(opens.remove(o->id));
    }
    host_.remove_session(s->id);
  }
  for (const auto& [id, r] : requests_) {
    if (!r->goes_on())
      r->cancel();
  }
  if (is_negotiated() && !LEASEBREAK_MUTANT(ends_are_not_told)) {
    prepare_end(ending, true);
    auto turn = co_await begin_end();
    std::vector<entry_guard> guards = co_await spare_directories(host_, ending, true);
    disconnect_request ask{terms.client, id_};
    auto [error, gone] =
      co_await host_.coordinator().async_disconnect(ask, asio::as_tuple(asio::use_awaitable));
    if (error)
      host_.log().debug("{}: disconnecting: {}", peer_, error.message());
    guards.clear();
    co_await finish_end(std::move(ending), std::move(gone), std::move(turn), nullptr);
  }
  // Requests in flight find the connection closed, and release what they were granted.
  while (in_flight_ > 0)
    co_await change();
  if (is_negotiated())
    host_.clients().remove(terms.client, this);
}

std::shared_ptr<connection> connection::one_of(const session& s) {
  for (connection* c : group->members) {
    const channel_ptr there = c->find_channel(s.id);
    if (closed_ && !c->closed_ && there && there->counted)
      return c->shared_from_this();
  }
  return shared_from_this();
}

/// Assigns the session's attached opens on this connection to another channel.
void connection::leave_opens(const session& s) {
  const auto self = shared_from_this();
  const auto heir = one_of(s);
  for (const open_ptr& o : opens.of_session(s.id)) {
    if (o->is_attached() && host_.kept().connection_of(o->handle) == self)
      host_.kept().attach(o, heir);
  }
}

asio::awaitable<void> connection::let_go(open_id handle) {
  const auto self = shared_from_this();
  if (!closed_ && stream_->peer_has_left())
    close("the peer is gone, and its client has reconnected");
  timer limit{host_.runs_on(), stream_->get_executor()};
  limit.expires_after(host_.options().limits.let_go_time);
  limit.async_wait([self](error_code error) {
    if (!error)
      self->wake();
  });
  while (
    closed_ && host_.kept().connection_of(handle) == self && limit.expiry() > host_.runs_on().now())
    co_await change();
}

} // namespace leasebreak::smb
