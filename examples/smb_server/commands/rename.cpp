// Renames and hard links (MS-FSA 2.1.5.14.6, 2.1.5.14.11). Handle caching of the files that are
// moved or replaced is broken first.
#include <smb_server/commands/set_info.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/commands/names.hpp>
#include <smb_server/commands/stream_rename.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/notify/directory_changes.hpp>
#include <smb_server/opens/stored_state.hpp>
#include <smb_server/runtime/mutant.hpp>
#include <smb_server/server.hpp>
#include <smb_server/wire/file_information.hpp>

#include <leasebreak/model/access.hpp>

#include <vector>

namespace leasebreak::smb::commands {

namespace {

/// The names of a rename or link.
struct surroundings {
  vfs::path from; ///< The current path of the file.
  vfs::expected_names names; ///< The files that the names refer to.
};

vfs::result<surroundings> look_around(
  const vfs::share_ptr& files, const vfs::open_ptr& file, const vfs::path& target) {
  auto from = file->current_path();
  if (!from)
    return from.error();
  auto names = files->look_around(*file, target);
  if (!names)
    return names.error();
  return surroundings{std::move(*from), std::move(*names)};
}

asio::awaitable<std::tuple<error_code, surroundings>> look(
  const vfs::async_share& files, vfs::open_ptr file, vfs::path target) {
  vfs::detail::work<surroundings> job = [core = files.core(), file = std::move(file),
                                          target = std::move(target)] {
    return look_around(core, file, target);
  };
  co_return co_await files.async_run<surroundings>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
}

/// Everything that must be granted before a name changes.
struct permission {
  std::uint32_t status = status::success;
  leasebreak::hold source;
  leasebreak::hold target;
  leasebreak::hold directory;
  tree_guard beneath; ///< For a directory.
  vfs::expected_names names; ///< The names for which all of this was granted.
};

/// The guards of the names that a rename or link changes.
struct name_guards {
  error_code error;
  entry_guard first;
  entry_guard second;
};

/// Locks both names in the same order for all requests, which prevents deadlocks.
asio::awaitable<name_guards> guard_both(
  request& r, const vfs::expected_names& names, const vfs::path& target) {
  entry_guard_request from{names.source.bytes(), names.source_leaf, {}};
  entry_guard_request to{names.directory.bytes(), std::string(target.leaf()), {}};
  if (from.directory == to.directory)
    from.also = to.name;
  else if (to.directory < from.directory)
    std::swap(from, to);
  const bool is_one = !from.also.empty();
  name_guards result;
  guarded first = co_await guard_entry(r, std::move(from));
  result.error = first.error;
  result.first = std::move(first.guard);
  if (result.error || is_one)
    co_return result;
  guarded second = co_await guard_entry(r, std::move(to));
  result.error = second.error;
  result.second = std::move(second.guard);
  co_return result;
}

/// Asks the holders of the replaced file, if the target's name may be replaced. A file that got the
/// name while an earlier one was waited for must not be open; its holders are not asked (MS-FSA
/// 2.1.5.15.8, 2.1.5.15.11).
asio::awaitable<std::uint32_t> ask_target(request& r, const open& o,
  const vfs::expected_names& names, bool replaces, bool is_first, leasebreak::hold& hold) {
  hold.release();
  if (!names.target || names.target->bytes() == o.file)
    co_return status::success;
  if (!replaces)
    co_return status::object_name_collision;
  announced target = co_await announce(r, names.target->bytes(),
    is_first ? access_kind::replace : access_kind::remove_unopened, open_id::none);
  hold = std::move(target.hold);
  co_return target.status;
}

/// A directory can be renamed only if nothing below it is open. Opens below it wait until the
/// rename is done (MS-FSA 2.1.5.15.11).
asio::awaitable<std::uint32_t> ask_beneath(
  request& r, const open& o, const vfs::path& from, tree_guard& guard) {
  rename_tree_request ask{o.tree_connect->share->root(), from.name(), o.file, r.on().terms.client};
  auto [error, given] =
    co_await r.wait_for(r.host().coordinator().async_rename_tree(std::move(ask)));
  guard = std::move(given);
  co_return status_of(error);
}

/// Reports a rename to watches.
void report_rename(server& host, const served_share& share, const open& o, const vfs::path& from,
  const vfs::path& to) {
  const std::uint32_t what =
    o.is_directory ? notify_filter::directory_name : notify_filter::file_name;
  const bool stays = from.parent() == to.parent();
  host.watches().report(share.place(),
    {{from.name(), stays ? change_action::renamed_from : change_action::removed, what},
      {to.name(), stays ? change_action::renamed_to : change_action::added, what}});
}

/// Asks the holders of the file before the names are looked up. Their breaks are thus sent before
/// the responses to the client's later requests.
asio::awaitable<permission> ask_source(request& r, const open_ptr& o) {
  permission result;
  announced source = co_await announce(r, o->file, access_kind::rename, o->handle);
  result.status = source.status;
  result.source = std::move(source.hold);
  co_return result;
}

/// Asks for the replaced file, the target's directory and the renamed tree. `result` contains what
/// was granted before.
asio::awaitable<permission> ask_around(request& r, const open_ptr& o, const surroundings& around,
  bool replaces, bool is_first, permission result) {
  result.names = around.names;
  result.status = co_await ask_target(r, *o, around.names, replaces, is_first, result.target);
  if (result.status != status::success)
    co_return result;
  // Opens of the target must not wait for the breaks of other files.
  result.target.release();
  announced directory =
    co_await announce(r, around.names.directory.bytes(), access_kind::rename_into, open_id::none);
  result.status = directory.status;
  result.directory = std::move(directory.hold);
  if (result.status != status::success)
    co_return result;
  result.beneath.release();
  if (o->is_directory)
    result.status = co_await ask_beneath(r, *o, around.from, result.beneath);
  if (result.status == status::success)
    result.status = co_await ask_target(r, *o, around.names, replaces, false, result.target);
  co_return result;
}

/// Stores the rename for the file's persistent opens, which a restart must find. Nothing is renamed
/// if that fails. Directories have no persistent opens, nor has a renamed directory any opens below
/// it.
asio::awaitable<std::uint32_t> expect_rename(
  request& r, const served_share& share, const vfs::path& from, const vfs::path& to) {
  const auto opens = r.host().paths().stored_at(share.place(), from.name());
  for (const auto& stored : opens) {
    const error_code error =
      co_await stored->expect_rename(r.host().coordinator(), from.name(), to.name());
    // An open that has been closed meanwhile needs nothing.
    if (error && to_errc(error) != errc::unknown_open)
      co_return status_of(error);
  }
  co_return status::success;
}

std::string without_leading_separator(std::string name) {
  if (!name.empty() && (name.front() == '\\' || name.front() == '/'))
    name.erase(0, 1);
  return name;
}

/// How often a request retries because names have changed.
constexpr int looks_max = 8;

/// Attempts a rename after everything is granted. Fails if the names have changed. The guards are
/// held during this check and the rename only, not while holders are asked.
asio::awaitable<error_code> rename_guarded(request& r, const open_ptr& o, const vfs::path& from,
  const vfs::path& target, bool replaces, const permission& may) {
  const name_guards guards = co_await guard_both(r, may.names, target);
  if (guards.error)
    co_return guards.error;
  if (!r.still_has(*o))
    co_return error_code{errc::unknown_open};
  if (LEASEBREAK_MUTANT(renames_are_not_done))
    co_return error_code{};
  auto [error] = co_await o->tree_connect->share->files.ahead().async_rename(
    o->vfs_open, target, replaces, may.names, asio::as_tuple(asio::use_awaitable));
  if (!error) {
    const std::shared_ptr<const served_share> share = o->tree_connect->share;
    r.host().coordinator().renamed(share->root(), from.name(), target.name());
    r.host().paths().rename(share->place(), from.name(), target.name());
    r.host().watches().rename(share->place(), from.name(), target.name());
  }
  co_return error;
}

/// Reports a completed rename.
asio::awaitable<void> tell_of_rename(request& r, open_ptr o, vfs::path from, vfs::path target) {
  const std::shared_ptr<const served_share> share = o->tree_connect->share;
  const std::optional<lease_key> key = o->parent_key;
  report_rename(r.host(), *share, *o, from, target);
  co_await break_parent(r.host(), share, from, key, &r);
  if (from.parent() != target.parent())
    co_await break_parent(r.host(), share, target, key, &r);
}

/// A rename to the current name changes nothing and breaks nothing (MS-FSA 2.1.5.15.11). Check the
/// disk only if that is likely, because it delays the breaks.
asio::awaitable<bool> is_own_name(request& r, const open_ptr& o, const vfs::path& target) {
  if (r.host().paths().path_of(*o) != target.name())
    co_return false;
  auto [lost, around] = co_await look(o->tree_connect->share->files, o->vfs_open, target);
  co_return !lost && around.from.name() == target.name();
}

asio::awaitable<reply> rename_to(request& r, open_ptr o, vfs::path target, bool replaces) {
  const std::shared_ptr<const served_share> share = o->tree_connect->share;
  if (co_await is_own_name(r, o, target))
    co_return set_info_done();
  permission may = co_await ask_source(r, o);
  if (may.status != status::success)
    co_return fail(may.status);
  for (int i = 0; i < looks_max; ++i) {
    auto [lost, around] = co_await look(share->files, o->vfs_open, target);
    if (lost)
      co_return fail(status_of(lost));
    if (around.from.name() == target.name()) // its own name: nothing changes
      co_return set_info_done();
    may = co_await ask_around(r, o, around, replaces, i == 0, std::move(may));
    if (may.status != status::success)
      co_return fail(may.status);
    const std::uint32_t unstored = co_await expect_rename(r, *share, around.from, target);
    if (unstored != status::success)
      co_return fail(unstored);
    const error_code error = co_await rename_guarded(r, o, around.from, target, replaces, may);
    if (error == vfs::errc::name_changed)
      continue;
    may = {};
    if (error)
      co_return fail(status_of(error));
    co_await tell_of_rename(r, o, around.from, target);
    co_return set_info_done();
  }
  co_return fail(status::access_denied);
}

/// Attempts a link, like `rename_guarded`.
asio::awaitable<error_code> link_guarded(request& r, const open_ptr& o, const vfs::path& target,
  bool replaces, const vfs::expected_names& names) {
  entry_guard_request ask{names.directory.bytes(), std::string(target.leaf()), {}};
  const guarded name = co_await guard_entry(r, std::move(ask));
  if (name.error)
    co_return name.error;
  if (!r.still_has(*o))
    co_return error_code{errc::unknown_open};
  auto [error] = co_await o->tree_connect->share->files.ahead().async_link(
    o->vfs_open, target, replaces, names, asio::as_tuple(asio::use_awaitable));
  co_return error;
}

/// Returns what a link onto a name of the file itself completes with, which changes nothing.
/// Returns nothing for any other name.
std::optional<std::uint32_t> link_to_own_name(
  const open& o, const vfs::expected_names& names, bool replaces) {
  if (!names.target || names.target->bytes() != o.file)
    return std::nullopt;
  return replaces ? status::success : status::object_name_collision;
}

reply end_link(std::uint32_t status) {
  return status == status::success ? set_info_done() : fail(status);
}

/// MS-FSA 2.1.5.15.6: a link onto a name of the file itself changes nothing. Break nothing then.
asio::awaitable<std::optional<std::uint32_t>> link_before_breaks(
  const open_ptr& o, const vfs::path& target, bool replaces) {
  auto [lost, around] = co_await look(o->tree_connect->share->files, o->vfs_open, target);
  co_return lost ? status_of(lost) : link_to_own_name(*o, around.names, replaces);
}

} // namespace

asio::awaitable<reply> rename(request& r, const set_info_request& asked, open_ptr o) {
  if (!o->may(access::delete_file))
    co_return fail(status::access_denied);
  if (asked.data.size() < rename_fixed_bytes)
    co_return fail(status::info_length_mismatch);
  auto setting = parse_rename(asked.data);
  if (!setting)
    co_return fail(status::invalid_parameter);
  if (o->is_stream || setting->name.front() == ':')
    co_return co_await rename_stream(r, o, *setting);
  auto target = vfs::path::parse(without_leading_separator(setting->name));
  if (!target)
    co_return fail(status_of(target.error()));
  co_return co_await rename_to(r, o, std::move(*target), setting->replace);
}

asio::awaitable<reply> link(request& r, const set_info_request& asked, open_ptr o) {
  if (asked.data.size() < rename_fixed_bytes)
    co_return fail(status::info_length_mismatch);
  auto setting = parse_rename(asked.data);
  if (!setting)
    co_return fail(status::invalid_parameter);
  auto target = vfs::path::parse(without_leading_separator(setting->name));
  if (!target)
    co_return fail(status_of(target.error()));
  const std::shared_ptr<const served_share> share = o->tree_connect->share;
  if (const auto ended = co_await link_before_breaks(o, *target, setting->replace))
    co_return end_link(*ended);
  announced linked = co_await announce(r, o->file, access_kind::link, o->handle);
  if (linked.status != status::success)
    co_return fail(linked.status);
  leasebreak::hold hold;
  for (int i = 0; i < looks_max; ++i) {
    auto [lost, around] = co_await look(share->files, o->vfs_open, *target);
    if (lost)
      co_return fail(status_of(lost));
    if (const auto ended = link_to_own_name(*o, around.names, setting->replace))
      co_return end_link(*ended);
    const std::uint32_t refused =
      co_await ask_target(r, *o, around.names, setting->replace, i == 0, hold);
    if (refused != status::success)
      co_return fail(refused);
    const error_code error = co_await link_guarded(r, o, *target, setting->replace, around.names);
    if (error == vfs::errc::name_changed)
      continue;
    hold.release();
    linked.hold.release();
    if (error)
      co_return fail(status_of(error));
    const std::optional<lease_key> key = o->parent_key;
    co_await tell_parent(r.host(), share, *target, key, name_added(false, false), &r);
    co_return set_info_done();
  }
  co_return fail(status::access_denied);
}

} // namespace leasebreak::smb::commands
