#include <smb_server/commands/durable_create.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/commands/create_answer.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/notify/directory_changes.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/quoted.hpp>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <optional>

namespace leasebreak::smb::commands {

namespace {

/// Returns whether the request names the open's file by its current path: a lease follows a rename.
bool names_it(const request& r, const create_request& asked, const open& o) {
  const auto path = vfs::path::parse(asked.name);
  return path && path->name() == r.host().paths().path_of(o);
}

/// Checks whether the request may reconnect to the open (MS-SMB2 3.3.5.9.7, 3.3.5.9.12). Ignores
/// contexts without a meaning for a reconnect: the Linux kernel adds QFid to each CREATE.
std::uint32_t check_reconnect(const request& r, const create_request& asked,
  const durable_reconnect& d, const open_ptr& o, std::optional<lease_key>& key) {
  if (!o || o->tree_connect->share->id() != r.tree_connect->share->id())
    return status::object_name_not_found;
  // MS-SMB2 3.3.5.9.12: CreateGuid is zero for an open of version 1 and for one that is only
  // resilient.
  const durable_query asked_then = o->durable.value_or(durable_query{});
  if (d.version == 2 && asked_then.create_guid != d.create_guid)
    return status::object_name_not_found;
  // MS-SMB2 3.3.5.9.12: a reconnect to a persistent open must set the persistent flag.
  if (d.version == 2 && asked_then.persistent && !d.persistent)
    return status::object_name_not_found;
  if (const create_context* context = asked.context("RqLs")) {
    const auto lease = parse_lease_context(context->data);
    if (!lease)
      return status::invalid_parameter;
    key.emplace();
    key->bytes = lease->key;
  }
  if (key != o->lease || (o->lease && o->client != r.on().terms.client))
    return status::object_name_not_found;
  if (o->lease && !names_it(r, asked, *o))
    return status::invalid_parameter;
  return o->user == r.user->user ? status::success : status::access_denied;
}

/// Returns a disconnected open, or null. A client may reconnect before the server has processed the
/// end of the old connection; then waits for that. MS-SMB2 3.3.5.9.7, 3.3.5.9.12: an open with a
/// live connection is not returned.
asio::awaitable<open_ptr> find_kept(request& r, std::uint64_t persistent) {
  kept_opens& kept = r.host().kept();
  const auto handle = static_cast<open_id>(persistent);
  std::shared_ptr<connection> before;
  std::shared_ptr<connection> old = kept.connection_of(handle);
  open_ptr o = kept.find(persistent);
  while (!o && old && old != before) {
    r.host().log().debug("{}: asks for an open of {}", r.on().peer(), old->peer());
    co_await asio::co_spawn(old->get_executor(), old->let_go(handle), asio::use_awaitable);
    // With several channels, another connection may own it now.
    before = std::exchange(old, kept.connection_of(handle));
    o = kept.find(persistent);
  }
  co_return o;
}

} // namespace

std::chrono::milliseconds durable_time(const durable_query& q) {
  constexpr std::chrono::minutes version_1{16};
  constexpr std::chrono::seconds usual{60};
  constexpr std::chrono::seconds most{300};
  if (q.version == 1)
    return version_1;
  if (q.timeout_ms == 0)
    return usual;
  return std::min<std::chrono::milliseconds>(std::chrono::milliseconds{q.timeout_ms}, most);
}

asio::awaitable<reply> reconnect(
  request& r, const create_request& asked, const durable_reconnect& d) {
  const open_ptr o = co_await find_kept(r, d.id.persistent);
  std::optional<lease_key> key;
  if (const std::uint32_t bad = check_reconnect(r, asked, d, o, key); bad != status::success) {
    r.host().log().debug(
      "{}: reconnect to {} refused", r.on().peer(), o ? quoted(o->path) : "an unknown open");
    co_return fail(bad);
  }
  if (!r.host().kept().take(o, r.on().shared_from_this()))
    co_return fail(status::object_name_not_found);
  reconnect_request ask;
  ask.file = o->file;
  ask.open = o->handle;
  ask.client = r.on().terms.client;
  ask.connection = r.on().id();
  ask.session = id_of(*r.user);
  ask.tree = id_of(*r.tree_connect);
  ask.key = key;
  if (d.version == 2) {
    ask.guid.emplace();
    ask.guid->bytes = d.create_guid;
  }
  auto [error, granted] = co_await r.host().coordinator().async_reconnect(
    std::move(ask), asio::as_tuple(asio::use_awaitable));
  if (error) {
    r.host().log().debug(
      "{}: reconnect to {} refused: {}", r.on().peer(), quoted(o->path), error.message());
    std::optional<open_lost> lost = r.host().kept().keep(o);
    if (lost)
      co_await r.host().finish_lost(o, std::move(*lost));
    co_return fail(
      error == errc::unknown_session ? status_of(error) : status::object_name_not_found);
  }
  std::optional<open_lost> ended = r.host().kept().forget(*o);
  if (ended) {
    co_await r.host().finish_lost(o, std::move(*ended));
    co_return fail(status::object_name_not_found);
  }
  o->client = r.on().terms.client;
  r.host().kept().attach(o, r.on().shared_from_this());
  o->session_id = r.user->id;
  o->sequence = channel_sequence{r.sequence()};
  o->tree_connect = r.tree_connect;
  vfs::opened opened;
  auto [lost, info] = co_await r.tree_connect->share->files.info(o->vfs_open);
  opened.info = info;
  if (asked.context("DH2Q") != nullptr)
    opened.action = o->action; // as in the first response
  if (lost || !r.may_have_more()) {
    co_await r.on().close_open(o, true);
    co_return fail(lost ? status_of(lost) : status::user_session_deleted);
  }
  reply answer = enter(r, asked, o, opened, granted);
  if (co_await is_superseded(r, o))
    co_return fail(status::object_name_not_found);
  co_return std::move(answer);
}

asio::awaitable<std::optional<reply>> take_back(
  request& r, const create_request& asked, const durable_query& query, bool may_be_persistent) {
  const bool is_replay = r.head().has(header_flag::replay);
  const open_ptr known = r.host().kept().find(r.on().terms.client, query.create_guid);
  open_ptr o;
  if (known)
    o = co_await find_kept(r, known->id.persistent);
  if (o && !is_replay)
    co_return fail(status::duplicate_objectid);
  if (o)
    co_return co_await reconnect(
      r, asked, durable_reconnect{2, o->id, o->durable->persistent, query.create_guid});
  // MS-SMB2 3.3.5.9.10: the open is on another connection of the client, thus of another session.
  if (known && known->is_replayable)
    co_return fail(status::duplicate_objectid);
  // It is unknown whether the first CREATE was executed; its open may have ended.
  if (!known && is_replay && query.persistent && may_be_persistent)
    co_return fail(status::file_not_available);
  co_return std::nullopt;
}

} // namespace leasebreak::smb::commands
