// Recovers persistent opens after a restart: opens their files, and keeps them for their clients
// (MS-SMB2 3.3.5.9.12).
#include <smb_server/opens/persistent_state.hpp>
#include <smb_server/opens/stored_state.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/access.hpp>
#include <leasebreak/model/quoted.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>

namespace leasebreak::smb {

namespace asio = boost::asio;

namespace {

/// Builds an open from the coordinator's data and its record. Its file is not open yet.
open_ptr describe(const recovered_open& from, const persistent_state& state,
  std::shared_ptr<const served_share> share, const std::string& name, std::uint64_t volatile_id) {
  auto o = std::make_shared<open>();
  o->id = {static_cast<std::uint64_t>(from.open), volatile_id};
  o->handle = from.open;
  o->file = from.file;
  o->tree_connect = std::make_shared<tree>(tree{0, std::move(share)});
  o->access = from.access;
  o->options = state.options;
  o->path = from.share + "\\" + name;
  o->lease = from.key;
  o->parent_key = state.parent_key;
  o->client = from.client;
  o->user = state.user;
  o->name = name;
  o->durable = durable_query{2, state.timeout_ms, true, from.guid.bytes};
  o->stored = std::make_shared<stored_state>(from.file, from.open, state);
  o->position = state.position;
  o->action = state.action;
  o->has_instance = true; // unknown; harmless if it has none
  return o;
}

vfs::open_options how_to_open(std::uint32_t access) {
  vfs::open_options how;
  how.how = vfs::disposition::open;
  how.kind = vfs::node_kind::file;
  how.read = (access & (access::read_data | access::execute)) != 0;
  how.write = (access & (access::write_data | access::append_data)) != 0;
  return how;
}

} // namespace

/// Returns null if the open's share or file is gone, or if its name belongs to another file.
asio::awaitable<open_ptr> server::reopen(const recovered_open& from) {
  const auto state = parse_persistent_state(from.server_state);
  const auto share = find_share(from.share);
  if (!state || !share || !share->options.continuously_available)
    co_return nullptr;
  const std::array<std::string, 2> names{state->name, state->name_before};
  for (const std::string& name : names) {
    auto path = vfs::path::parse(name);
    if (!path || path->is_root())
      continue;
    const std::string place = path->name();
    auto [error, opened] = co_await share->files.async_open(
      std::move(*path), how_to_open(from.access), asio::as_tuple(asio::use_awaitable));
    if (error)
      continue;
    if (opened.info.id.bytes() != from.file) {
      co_await share->files.async_close(opened.file, asio::as_tuple(asio::use_awaitable));
      continue;
    }
    const open_ptr o = describe(from, *state, share, name, next_file_id());
    o->vfs_open = opened.file;
    o->place = taken_share::take_anyway(users_.of(o->user).opens, 1);
    paths_.add(*o, share->place(), place);
    coordinator_->place(from.file, from.open, share->root(), place);
    co_return o;
  }
  co_return nullptr;
}

asio::awaitable<void> server::recover(std::vector<recovered_open> opens) {
  for (const recovered_open& from : opens) {
    const open_ptr o = co_await reopen(from);
    if (o) {
      std::optional<open_lost> lost = kept_.keep(o);
      if (lost)
        co_await finish_lost(o, std::move(*lost));
      else
        log().info("keep {} for its client after the restart", quoted(o->path));
      continue;
    }
    log().warn("cannot recover an open: its share or its file is gone");
    leasebreak::close_request ask{from.file, from.open, false};
    auto [error, closed] =
      co_await coordinator_->async_close(std::move(ask), asio::as_tuple(asio::use_awaitable));
    if (error)
      log().debug("closing an open that cannot be recovered: {}", error.message());
  }
  kept_.recovered();
}

} // namespace leasebreak::smb
