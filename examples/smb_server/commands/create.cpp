// CREATE and CLOSE (MS-SMB2 3.3.5.9, 3.3.5.10). The coordinator decides what each client may cache.
#include <smb_server/commands/access.hpp>
#include <smb_server/commands/commands.hpp>
#include <smb_server/commands/create_answer.hpp>
#include <smb_server/commands/create_replay.hpp>
#include <smb_server/commands/durable_create.hpp>
#include <smb_server/commands/extended_attributes.hpp>
#include <smb_server/commands/names.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/notify/directory_changes.hpp>
#include <smb_server/opens/persistent_state.hpp>
#include <smb_server/opens/stored_state.hpp>
#include <smb_server/runtime/mutant.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/access.hpp>
#include <leasebreak/model/quoted.hpp>

#include <cerrno>
#include <utility>

namespace leasebreak::smb::commands {

namespace {

/// MS-SMB2 2.2.13.1.1: the valid bits, except ACCESS_SYSTEM_SECURITY, which is never granted.
constexpr std::uint32_t access_bits = 0xf21f'01ff;
constexpr std::uint32_t impersonation_max = 3; ///< Delegate, MS-SMB2 2.2.13.
constexpr std::uint32_t valid_attributes = 0x7fb7; ///< MS-FSCC 2.6, for files.
constexpr std::uint32_t write_bits = access::write_data | access::append_data;

/// A CREATE after the checks that need no file.
struct plan {
  create_request asked;
  vfs::path path;
  vfs::open_options how;
  std::uint32_t access = 0;
  std::optional<leasebreak::lease_request> lease;
  oplock_level oplock = oplock_level::none;
  durable_contexts durable;
  std::optional<app_instance_context> app_instance;
  file_name_id base_file; ///< A stream's file.
  /// The open that stands for the stream's open at that file.
  open_id base_handle{};
  bool base_waited = false; ///< That open had to wait for others.
  bool base_is_shared = false; ///< It was refused, and there are or were other opens of the file.
};

/// The result of opening the file.
struct found_file {
  vfs::opened opened;
  bool key_in_use = false; ///< The lease key belongs to another file; nothing was opened.
  bool is_there = false; ///< If `key_in_use`: a file has the name.
};

bool is_valid(const create_request& asked) {
  const bool directory = (asked.options & create_option::directory) != 0;
  const bool file = (asked.options & create_option::non_directory) != 0;
  const bool truncates = asked.disposition == disposition::supersede ||
    asked.disposition == disposition::overwrite || asked.disposition == disposition::overwrite_if;
  // MS-FSA 2.1.5.1: reject unknown values and contradictions.
  const bool unknown = (asked.options & ~create_option::valid) != 0 ||
    (asked.attributes & ~valid_attributes) != 0 || asked.share_access > share::all ||
    asked.disposition > disposition::overwrite_if;
  const bool temporary_directory = directory && (asked.attributes & vfs::attribute::temporary) != 0;
  const bool appends_unbuffered = (asked.options & create_option::no_intermediate_buffering) != 0 &&
    (asked.access & write_bits) == access::append_data;
  return !unknown && !temporary_directory && !appends_unbuffered &&
    !(directory && (file || truncates));
}

/// Parses the requested lease or oplock, as far as the dialect supports it (MS-SMB2 3.3.5.9.8,
/// 3.3.5.9.11).
std::uint32_t plan_caching(const connection& c, plan& p) {
  if (p.asked.oplock_level != static_cast<std::uint8_t>(oplock_level::lease)) {
    p.oplock = static_cast<oplock_level>(p.asked.oplock_level);
    switch (p.oplock) {
    case oplock_level::level_ii:
    case oplock_level::exclusive:
    case oplock_level::batch:
      return status::success;
    default:
      p.oplock = oplock_level::none;
      return status::success;
    }
  }
  const create_context* context = p.asked.context("RqLs");
  if (context == nullptr || (c.terms.capabilities & capability::leasing) == 0)
    return status::success;
  const auto lease = parse_lease_context(context->data);
  if (!lease)
    return status::invalid_parameter;
  if (lease->version == 2 && c.terms.dialect < dialect::smb_3_0)
    return status::success;
  leasebreak::lease_request wanted;
  wanted.key.bytes = lease->key;
  wanted.state = static_cast<lease_state>(lease->state & 0x07);
  wanted.version = lease->version;
  wanted.epoch = lease->epoch;
  if (lease->version == 2 && (lease->flags & lease_flag::parent_key_set) != 0) {
    wanted.parent_key.emplace();
    wanted.parent_key->bytes = lease->parent_key;
  }
  p.lease = wanted;
  return status::success;
}

void plan_file(plan& p) {
  p.how.how = static_cast<vfs::disposition>(p.asked.disposition);
  if ((p.asked.options & create_option::directory) != 0)
    p.how.kind = vfs::node_kind::directory;
  else if ((p.asked.options & create_option::non_directory) != 0)
    p.how.kind = vfs::node_kind::file;
  p.how.read = (p.access & (access::read_data | access::execute)) != 0;
  p.how.write = (p.access & write_bits) != 0;
  p.how.delete_on_close = (p.asked.options & create_option::delete_on_close) != 0;
  p.how.attributes = p.asked.attributes;
  if (const create_context* context = p.asked.context("AlSi")) {
    byte_reader in{context->data};
    p.how.allocation_size = in.u64();
  }
}

/// Parses the extended attributes of a new file (MS-SMB2 2.2.13.2.1).
std::uint32_t plan_eas(plan& p) {
  const create_context* context = p.asked.context("ExtA");
  if (context == nullptr)
    return status::success;
  auto entries = parse_eas(context->data);
  if (!entries)
    return status::ea_list_inconsistent;
  // MS-FSA 2.1.5.1: the client has declared that it does not understand extended attributes.
  if ((p.asked.options & create_option::no_ea_knowledge) != 0)
    return status::access_denied;
  p.how.eas = to_attributes(std::move(*entries));
  return status::success;
}

/// MS-SMB2 3.3.5.9.13. Like newer servers, accept it in every CREATE, not only together with a
/// request for a durable open of version 2.
void plan_instance(const connection& c, plan& p) {
  if (c.terms.dialect >= dialect::smb_3_0)
    p.app_instance = parse_app_instance(p.asked);
  if (p.app_instance && c.terms.dialect < dialect::smb_3_1_1)
    p.app_instance->version.reset();
}

/// Performs all checks that need no file.
std::uint32_t make_plan(request& r, plan& p) {
  create_parsed parsed = parse_create(r.bytes());
  if (parsed.status != status::success)
    return parsed.status;
  p.asked = std::move(parsed.request);
  p.durable = parse_durable_contexts(p.asked);
  if (!p.durable.valid)
    return status::invalid_parameter;
  if (p.durable.reconnect)
    return status::success; // the rest is ignored
  plan_instance(r.on(), p);
  if (p.asked.access == 0 || (p.asked.access & ~access_bits) != 0)
    return status::access_denied; // MS-FSA 2.1.5.1 checks this first
  if (!is_valid(p.asked))
    return status::invalid_parameter;
  if (p.asked.impersonation > impersonation_max)
    return status::bad_impersonation_level;
  if (!r.tree_connect->share)
    return status::object_name_not_found; // no pipes
  if ((p.asked.options & create_option::not_supported) != 0)
    return status::not_supported;
  // MS-SMB2 3.3.5.9.3: there are no previous versions.
  if (p.asked.context("TWrp") != nullptr)
    return status::object_name_not_found;
  auto path = vfs::path::parse(p.asked.name);
  if (!path)
    return status_of(path.error());
  p.path = std::move(*path);
  p.access = map_generic(p.asked.access);
  if ((p.asked.options & create_option::delete_on_close) != 0 &&
    (p.access & access::delete_file) == 0)
    return status::access_denied;
  if (const std::uint32_t bad = plan_caching(r.on(), p); bad != status::success)
    return bad;
  plan_file(p);
  return plan_eas(p);
}

/// Opens the file, or creates one without a name. Opens nothing if the lease key belongs to another
/// file; this check comes before the file's existence (MS-SMB2 3.3.5.9.8, 3.3.5.9.11).
vfs::result<found_file> open_file(const vfs::share_ptr& files, const vfs::path& path,
  const vfs::open_options& how, const file_name_id& file_of_key) {
  found_file result;
  if (!file_of_key.empty()) {
    const auto there = files->lookup(path);
    result.is_there = there.has_value();
    if (!there || there->id.bytes() != file_of_key) {
      result.key_in_use = true;
      return result;
    }
  }
  auto opened = files->prepare(path, how);
  if (!opened)
    return opened.error();
  result.opened = std::move(*opened);
  return result;
}

/// The same without disk access. Returns nothing if that is not possible.
std::optional<found_file> find_cached(
  const vfs::share_ptr& files, const plan& p, const file_name_id& file_of_key) {
  auto opened = files->open_cached(p.path, p.how);
  if (!opened)
    return std::nullopt;
  found_file result;
  result.is_there = true;
  result.key_in_use = !file_of_key.empty() && opened->info.id.bytes() != file_of_key;
  if (!result.key_in_use)
    result.opened = std::move(*opened);
  return result;
}

asio::awaitable<std::tuple<error_code, found_file>> find_on_disk(
  request& r, plan& p, file_name_id file_of_key) {
  const vfs::async_share& files = r.tree_connect->share->files;
  for (;;) {
    vfs::detail::work<found_file> job = [core = files.core(), path = p.path, how = p.how,
                                          file_of_key] {
      return open_file(core, path, how, file_of_key);
    };
    auto [error, found] =
      co_await files.async_run<found_file>(std::move(job), asio::as_tuple(asio::use_awaitable));
    // MAXIMUM_ALLOWED: if the account may not write the file, try to open it for reading.
    const bool denied =
      error == boost::system::errc::permission_denied || error == vfs::errc::read_only;
    const std::uint32_t demanded = map_generic(p.asked.access & ~access::maximum_allowed);
    const bool less = denied && p.how.write && (demanded & write_bits) == 0 &&
      (p.asked.access & access::maximum_allowed) != 0;
    if (!less)
      co_return std::make_tuple(error, std::move(found));
    p.how.write = false;
    p.access &= ~write_bits;
  }
}

bool may_be_persistent(const request& r) {
  return r.tree_connect->share->options.continuously_available &&
    (r.on().terms.capabilities & capability::persistent_handles) != 0;
}

/// Returns the state of a persistent open that is stored for a restart.
persistent_state state_of(const request& r, const plan& p, const vfs::opened& opened) {
  persistent_state s;
  s.user = r.user->user;
  s.name = p.asked.name;
  s.options = p.asked.options;
  s.timeout_ms = p.durable.query->timeout_ms;
  s.parent_key = p.lease ? p.lease->parent_key : std::nullopt;
  s.action = opened.action;
  return s;
}

std::optional<leasebreak::app_instance> instance_for(const plan& p) {
  if (!p.app_instance)
    return std::nullopt;
  leasebreak::app_instance instance;
  instance.id.bytes = p.app_instance->id;
  if (const auto& version = p.app_instance->version)
    instance.version = app_instance_version{version->high, version->low};
  return instance;
}

// MS-SMB2 3.3.5.9.8: a directory lease must be of version 2, and its capability negotiated.
std::optional<leasebreak::lease_request> lease_for(
  const request& r, const plan& p, const vfs::opened& opened) {
  const bool directory_leases = (r.on().terms.capabilities & capability::directory_leasing) != 0 &&
    p.lease && p.lease->version == 2;
  return !opened.info.is_directory || directory_leases ? p.lease : std::nullopt;
}

open_request make_open_request(const request& r, const plan& p, const vfs::opened& opened) {
  open_request ask;
  ask.file = opened.info.id.bytes();
  ask.client = r.on().terms.client;
  ask.connection = r.on().id();
  ask.session = id_of(*r.user);
  ask.tree = id_of(*r.tree_connect);
  ask.share = r.tree_connect->share->name;
  ask.access = p.access;
  ask.share_access = p.asked.share_access;
  ask.overwrites = opened.truncates;
  ask.created = opened.created;
  ask.is_directory = opened.info.is_directory;
  ask.delete_on_close = p.how.delete_on_close;
  ask.allocation_size = locked_end(opened.info);
  ask.path = p.path.name();
  ask.root = r.tree_connect->share->root();
  ask.lease = lease_for(r, p, opened);
  ask.instance = instance_for(p);
  if (p.base_handle != open_id::none) {
    ask.base = p.base_file;
    ask.stand_in = p.base_handle;
  }
  if (!ask.is_directory) // directories have no oplocks
    ask.oplock = p.oplock;
  // Implementation specific: opens of streams are not durable.
  if (!ask.is_directory && p.path.stream().empty() && p.durable.query) {
    durable_request durable;
    durable.timeout = durable_time(*p.durable.query);
    durable.guid.bytes = p.durable.query->create_guid;
    // MS-SMB2 3.3.5.9.10: only if the share and both sides support it.
    durable.persistent = p.durable.query->persistent && may_be_persistent(r);
    if (durable.persistent)
      durable.server_state = to_bytes(state_of(r, p, opened));
    ask.durable = std::move(durable);
  }
  return ask;
}

/// Returns the CreateGuid with which the client may replay the CREATE.
std::optional<guid> create_guid_of(const plan& p) {
  if (!p.durable.query || p.durable.query->version != 2)
    return std::nullopt;
  return p.durable.query->create_guid;
}

open_ptr make_open(
  const request& r, const plan& p, const vfs::opened& opened, const open_result& granted) {
  auto o = std::make_shared<open>();
  // The coordinator's id stays valid after a restart.
  o->id = {static_cast<std::uint64_t>(granted.open), r.host().next_file_id()};
  o->handle = granted.open;
  o->file = opened.info.id.bytes();
  o->vfs_open = opened.file;
  o->tree_connect = r.tree_connect;
  o->session_id = r.user->id;
  o->sequence = channel_sequence{r.sequence()};
  o->access = p.access;
  o->options = p.asked.options;
  o->path = r.tree_connect->share->name + "\\" + p.asked.name;
  o->is_directory = opened.info.is_directory;
  o->is_stream = !p.path.stream().empty();
  o->allocation = locked_end(opened.info);
  o->base_file = p.base_file;
  o->base_handle = p.base_handle;
  if (granted.oplock == oplock_level::lease)
    o->lease = granted.key;
  if (p.lease)
    o->parent_key = p.lease->parent_key;
  o->action = opened.action;
  o->create_guid = create_guid_of(p);
  o->client = r.on().terms.client;
  o->user = r.user->user;
  o->name = p.asked.name;
  if (granted.durable) {
    o->durable = p.durable.query;
    o->durable->persistent = granted.persistent;
    if (granted.persistent)
      o->stored = std::make_shared<stored_state>(o->file, o->handle, state_of(r, p, opened));
  }
  o->has_instance = p.app_instance.has_value();
  return o;
}

/// Returns whether there are or were other opens of the file of a refused open. They own what was
/// created for the CREATE.
bool meets_others(const error_code& refused, const open_result& result) {
  return result.waited || refused == errc::sharing_violation || refused == errc::delete_pending;
}

/// Closes the file of a refused CREATE. Deletes what was created for it, unless `keeps`.
asio::awaitable<void> give_up(request& r, vfs::opened& opened, bool keeps = false) {
  vfs::open_ptr file = opened.file;
  if (opened.created && !keeps)
    co_await undo_create(r, std::move(opened));
  opened = {};
  co_await r.tree_connect->share->files.async_close(
    std::move(file), asio::as_tuple(asio::use_awaitable));
}

/// MS-FSA 2.1.5.1.2: a stream's open keeps its file, and prevents its deletion unless it shares
/// that.
asio::awaitable<std::uint32_t> open_base(request& r, plan& p, const vfs::opened& opened) {
  vfs::identity base = opened.info.id;
  base.stream.clear();
  open_request ask;
  ask.file = base.bytes();
  ask.client = r.on().terms.client;
  ask.connection = r.on().id();
  ask.session = id_of(*r.user);
  ask.tree = id_of(*r.tree_connect);
  ask.share = r.tree_connect->share->name;
  ask.access = access::read_attributes;
  // MS-FSA 2.1.5.1.2.2: the share mode of an open for attributes alone does not count.
  const bool is_stat = p.how.how == vfs::disposition::open && is_stat_access_for_oplocks(p.access);
  ask.share_access = is_stat ? share::all : p.asked.share_access;
  ask.created = opened.base_created;
  ask.is_directory = opened.base_is_directory;
  ask.of_stream = true;
  ask.stream = opened.info.id.bytes();
  ask.path = p.path.name();
  ask.root = r.tree_connect->share->root();
  p.base_file = ask.file;
  auto [refused, granted] = co_await r.wait_for(r.host().coordinator().async_open(std::move(ask)));
  p.base_handle = granted.open;
  p.base_waited = granted.waited;
  p.base_is_shared = refused && meets_others(refused, granted);
  co_return status_of(refused);
}

/// Reverts `open_base` for a stream that could not be opened.
asio::awaitable<void> close_base(request& r, plan& p, const vfs::opened& opened) {
  open o;
  o.base_file = p.base_file;
  o.base_handle = std::exchange(p.base_handle, open_id::none);
  o.vfs_open = opened.file;
  o.tree_connect = r.tree_connect;
  o.path = p.asked.name;
  co_await end_base(r.host(), o, &r);
}

/// Closes a granted open of a CREATE that fails later. Its delete-on-close does not apply, because
/// the name may belong to another file by now.
asio::awaitable<void> undo_open(
  request& r, plan& p, vfs::opened& opened, open_result& granted, bool keeps = false) {
  granted.hold.release();
  open o;
  o.file = opened.info.id.bytes();
  o.vfs_open = opened.file;
  o.tree_connect = r.tree_connect;
  o.path = p.asked.name;
  o.is_directory = opened.info.is_directory;
  o.is_stream = !p.path.stream().empty();
  if (LEASEBREAK_MUTANT(failed_creates_stay_open))
    o.file.clear();
  leasebreak::close_request ask{o.file, granted.open, false, true};
  auto [error, closed] = co_await r.host().coordinator().async_close(
    std::move(ask), asio::as_tuple(asio::use_awaitable));
  // After the close: the client never hears of this grant, nor of its breaks.
  granted.answer.sent();
  deletion gone = deletion_of(closed);
  if (closed.delete_file) // requested through another open
    co_await after_close(r.host(), o, std::move(gone), &r);
  co_await close_base(r, p, opened);
  o.vfs_open.reset();
  co_await give_up(r, opened, keeps);
}

/// Returns whether the metadata from the open can be used in the response. An open for attributes
/// alone does not wait, and without caching the client cannot rely on the metadata.
bool holds_still(const plan& p, const open_result& granted) {
  return p.how.how == vfs::disposition::open && is_stat_access_for_oplocks(p.access) &&
    granted.oplock == oplock_level::none && granted.state == lease_state::none;
}

/// Updates the metadata after the grant, because other clients may have changed or deleted the file
/// during the wait. Returns false if that needs the disk.
bool settle_cached(const plan& p, vfs::opened& opened, const open_result& granted) {
  if (opened.created || opened.truncates)
    return false;
  if (holds_still(p, granted))
    return true;
  auto known = opened.file->info_cached();
  if (known)
    opened.info = std::move(*known);
  return known.has_value();
}

/// The same with disk access. Also truncates the file of an overwriting open. After an error
/// `opened` still identifies the file, which must be closed.
asio::awaitable<std::uint32_t> settle(
  request& r, const plan& p, vfs::opened& opened, open_result& granted) {
  const vfs::async_share& files = r.tree_connect->share->files;
  if (opened.truncates) {
    auto [error, info] =
      co_await files.async_truncate_for_overwrite(opened, asio::as_tuple(asio::use_awaitable));
    granted.hold.release();
    if (error)
      co_return status_of(error);
    opened.info = info;
  } else if (!opened.created) {
    auto [error, info] =
      co_await files.async_info(opened.file, asio::as_tuple(asio::use_awaitable));
    if (error)
      co_return status_of(error);
    opened.info = info;
  }
  if (opened.created || opened.truncates) {
    const std::optional<lease_key> key = p.lease ? p.lease->parent_key : std::optional<lease_key>{};
    const bool is_stream = !p.path.stream().empty();
    change_kind kind = name_added(opened.info.is_directory, is_stream);
    if (opened.truncates)
      kind = data_written(is_stream);
    if (opened.base_created)
      r.host().watches().report(r.tree_connect->share->place(),
        {{p.path.name(), change_action::added, notify_filter::file_name}});
    co_await tell_parent(r.host(), r.tree_connect->share, p.path, key, kind, &r);
  }
  co_return status::success;
}

/// Completes a granted CREATE. Returns nothing if the file was deleted meanwhile, and the CREATE
/// must be retried.
asio::awaitable<std::optional<reply>> finish(
  request& r, plan& p, vfs::opened& opened, open_result& granted) {
  std::uint32_t bad = status::success;
  if (LEASEBREAK_MUTANT(breaks_overtake_answers))
    granted.answer.sent();
  if (!settle_cached(p, opened, granted))
    bad = co_await settle(r, p, opened, granted);
  // An overwrite of its file has removed the stream.
  const bool is_removed = bad == status::object_name_not_found && !p.path.stream().empty();
  bool deleted = is_removed || (bad == status::success && opened.info.links == 0);
  if (!r.may_have_more() && !LEASEBREAK_MUTANT(opens_outlive_connection)) {
    bad = status::user_session_deleted;
    deleted = false;
  }
  if (bad != status::success || deleted) {
    co_await undo_open(r, p, opened, granted, true);
    if (deleted)
      co_return std::nullopt;
    co_return fail(bad);
  }
  const open_ptr o = make_open(r, p, opened, granted);
  r.host().paths().add(*o, r.tree_connect->share->place(), p.path.name());
  reply answer = enter(r, p.asked, o, opened, granted);
  if (co_await is_superseded(r, o))
    co_return fail(to_ntstatus(errc::newer_instance));
  co_return std::move(answer);
}

/// Asks the coordinator for the open, and waits until conflicting holders have released what they
/// cache.
// Not a coroutine, like others here: its locals would be too large for a frame. malloc caches only
// blocks of up to about one kilobyte.
auto ask_coordinator(request& r, const plan& p, const vfs::opened& opened) {
  return r.wait_for(r.host().coordinator().async_open(make_open_request(r, p, opened)));
}

/// Returns whether the CREATE must be retried: it has waited, and the name belongs to another file
/// by now (MS-FSA 2.1.5.1).
asio::awaitable<bool> means_another(
  request& r, const plan& p, const vfs::opened& opened, const open_result& result) {
  if (LEASEBREAK_MUTANT(names_seen_before_the_wait))
    co_return false;
  if (!result.waited && !p.base_waited)
    co_return false;
  co_return co_await look_again(r, p.path, opened.info.id.bytes()) != meaning::same;
}

/// Opens a stream's file and then the file itself at the coordinator. Returns success, or an error
/// after everything is released, or nothing: retry.
asio::awaitable<std::optional<std::uint32_t>> ask_for(
  request& r, plan& p, vfs::opened& opened, open_result& granted) {
  p.base_waited = false;
  error_code refused;
  if (!p.path.stream().empty()) {
    if (const std::uint32_t bad = co_await open_base(r, p, opened); bad != status::success) {
      const bool again = co_await means_another(r, p, opened, granted);
      opened.base_created = opened.base_created && !p.base_is_shared;
      co_await give_up(r, opened);
      co_return again ? std::nullopt : std::optional(bad);
    }
  }
  std::tie(refused, granted) = co_await ask_coordinator(r, p, opened);
  const bool is_new = opened.unnamed;
  bool again = false;
  if (!is_new)
    again = co_await means_another(r, p, opened, granted);
  if (refused) {
    co_await close_base(r, p, opened);
    co_await give_up(r, opened, meets_others(refused, granted));
    // Another CREATE of the client has just created the file with this key.
    if (again || (is_new && refused == errc::lease_key_in_use))
      co_return std::nullopt;
    co_return status_of(refused);
  }
  if (again) {
    co_await undo_open(r, p, opened, granted);
    co_return std::nullopt;
  }
  co_return status::success;
}

/// Returns the status of naming a new file, or of creating it with its name. Returns nothing if
/// another file just got the name, or if the directory was renamed: retry.
std::optional<std::uint32_t> status_of_new(const plan& p, const error_code& error) {
  const bool collides = error == vfs::errc::name_collision;
  if (error == vfs::errc::name_changed || (collides && p.how.how != vfs::disposition::create))
    return std::nullopt;
  return status_of(error);
}

/// Gives a file without a name the guarded name. Other clients cannot open it before. Returns
/// success, or an error after everything is released, or nothing: retry.
asio::awaitable<std::optional<std::uint32_t>> give_name(
  request& r, plan& p, vfs::opened& opened, open_result& granted, entry_guard guard) {
  auto [error, named] = co_await r.tree_connect->share->files.ahead().async_give_name(
    opened, p.path, asio::as_tuple(asio::use_awaitable));
  guard.release();
  if (error) {
    co_await undo_open(r, p, opened, granted);
    co_return status_of_new(p, error);
  }
  opened = std::move(named);
  co_return status::success;
}

/// Continues an attempt with an existing or new file. `guard` protects the name of a file that has
/// none yet. Returns the response, or nothing: retry.
asio::awaitable<std::optional<reply>> attempt_opened(
  request& r, plan& p, vfs::opened& opened, entry_guard guard = {}) {
  open_result granted;
  auto done = co_await ask_for(r, p, opened, granted);
  if (done == status::success && opened.unnamed)
    done = co_await give_name(r, p, opened, granted, std::move(guard));
  if (!done)
    co_return std::nullopt;
  if (*done != status::success)
    co_return fail(*done);
  co_return co_await finish(r, p, opened, granted);
}

/// The same on a file system without unnamed files. Other clients can open the file as soon as it
/// exists; therefore the coordinator is asked without the guard.
asio::awaitable<std::optional<reply>> attempt_missing(
  request& r, plan& p, vfs::opened& missing, entry_guard guard) {
  auto [error, opened] = co_await r.tree_connect->share->files.ahead().async_make(
    p.path, p.how, missing.directory, asio::as_tuple(asio::use_awaitable));
  guard.release();
  if (error) {
    const auto bad = status_of_new(p, error);
    co_return bad ? std::optional(fail(*bad)) : std::nullopt;
  }
  co_return co_await attempt_opened(r, p, opened);
}

/// Creates a new name. It is guarded from the check that it is free until the file has it. A
/// directory whose deletion is pending admits no new names (MS-FSA 2.1.5.1.1).
asio::awaitable<std::optional<reply>> attempt_new(request& r, plan& p, vfs::opened& opened) {
  entry_guard_request ask{opened.directory.bytes(), std::string(p.path.leaf()), {}};
  guarded name = co_await guard_entry(r, std::move(ask));
  if (name.status != status::success) {
    co_await give_up(r, opened);
    co_return fail(name.status);
  }
  if (opened.missing)
    co_return co_await attempt_missing(r, p, opened, std::move(name.guard));
  co_return co_await attempt_opened(r, p, opened, std::move(name.guard));
}

/// The lease key belongs to another file. Returns nothing if that file just got this name through
/// another CREATE of the client: retry.
asio::awaitable<std::optional<reply>> refuse_key(request& r, const plan& p, bool is_there) {
  if (!is_there) {
    const guarded name = co_await guard_name(r, p.path);
    if (name.status == status::success) {
      auto [lost, now] = co_await r.tree_connect->share->files.ahead().async_lookup(
        p.path, asio::as_tuple(asio::use_awaitable));
      if (!lost)
        co_return std::nullopt;
    }
  }
  co_return fail(to_ntstatus(errc::lease_key_in_use));
}

/// Continues an attempt after the lookup of the file. Returns the response, or nothing: retry.
asio::awaitable<std::optional<reply>> attempt_with(request& r, plan& p, found_file found) {
  if (found.key_in_use)
    co_return co_await refuse_key(r, p, found.is_there);
  if (found.opened.missing || found.opened.unnamed)
    co_return co_await attempt_new(r, p, found.opened);
  co_return co_await attempt_opened(r, p, found.opened);
}

asio::awaitable<std::optional<reply>> attempt_on_disk(
  request& r, plan& p, file_name_id file_of_key) {
  auto [error, found] = co_await find_on_disk(r, p, std::move(file_of_key));
  if (error)
    co_return fail(status_of(error));
  co_return co_await attempt_with(r, p, std::move(found));
}

asio::awaitable<std::optional<reply>> attempt(request& r, plan& p) {
  file_name_id file_of_key;
  if (p.lease)
    file_of_key = r.host().coordinator().file_of_lease(r.on().terms.client, p.lease->key);
  if (auto found = find_cached(r.tree_connect->share->files.core(), p, file_of_key))
    return attempt_with(r, p, std::move(*found));
  return attempt_on_disk(r, p, std::move(file_of_key));
}

constexpr int attempts_max = 8;

} // namespace

asio::awaitable<reply> create(request& r) {
  // On the heap: it would make the coroutine's frame too large for malloc's caches.
  const auto held = std::make_unique<plan>();
  plan& p = *held;
  if (const std::uint32_t bad = make_plan(r, p); bad != status::success)
    co_return fail(bad);
  if (p.durable.reconnect && !r.tree_connect->share)
    co_return fail(status::object_name_not_found);
  const std::optional<guid> create_guid = create_guid_of(p);
  if (create_guid) {
    std::optional<reply> before =
      co_await answer_again(r, p.asked, {*create_guid, p.lease, p.oplock});
    if (!before)
      before = co_await take_back(r, p.asked, *p.durable.query, may_be_persistent(r));
    if (before)
      co_return std::move(*before);
  }
  const create_guid_in_work guard{r.on(), create_guid};
  r.can_come_again = create_guid.has_value();
  if (r.on().opens.size() >= r.host().options().limits.opens_per_connection)
    co_return fail(status::too_many_opened_files);
  if (p.durable.reconnect)
    co_return co_await reconnect(r, p.asked, *p.durable.reconnect);
  if (!r.take_place())
    co_return fail(status::too_many_opened_files);
  for (int i = 0; i < attempts_max; ++i) {
    std::optional<reply> answer = co_await attempt(r, p);
    if (answer)
      co_return std::move(*answer);
  }
  co_return fail(status::delete_pending);
}

asio::awaitable<reply> close(request& r) {
  const auto asked = parse_close(r.bytes());
  if (!asked)
    co_return fail(status::invalid_parameter);
  const open_ptr o = r.find_open(asked->id);
  if (!o)
    co_return fail(r.no_open());
  std::optional<file_metadata> metadata;
  if ((asked->flags & 1) != 0) {
    auto [error, info] = co_await o->tree_connect->share->files.info(o->vfs_open);
    if (!error)
      metadata = to_metadata(info);
  }
  const open_ptr mine = r.on().opens.remove(o->id);
  if (!mine)
    co_return fail(status::file_closed);
  r.host().log().debug("{}: close {}", r.on().peer(), quoted(mine->path));
  const error_code error = co_await r.on().close_open(mine, false, &r);
  // Another client with the same AppInstanceId has ended the open; the notification is on its way
  // (MS-SMB2 3.3.5.9.13).
  if (error == errc::unknown_open && mine->has_instance)
    co_return fail(status::file_closed);
  reply answer;
  encode_close_response(answer.out, metadata);
  co_return answer;
}

} // namespace leasebreak::smb::commands
