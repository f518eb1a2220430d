// See stream_rename.hpp.
#include <smb_server/commands/stream_rename.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/commands/set_info.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/notify/directory_changes.hpp>
#include <smb_server/server.hpp>
#include <smb_server/vfs/ascii.hpp>

#include <leasebreak/model/access.hpp>

namespace leasebreak::smb::commands {

namespace {

/// How often the new name may change its meaning under a request.
constexpr int stream_looks_max = 8;

/// MS-FSA 2.1.5.15.11.1: the new name; empty for the file's own data.
std::uint32_t parse_new_name(const open& o, const std::string& text, std::string& name) {
  // Any other name would be the file's, one of whose streams is open.
  if (text.empty() || text.front() != ':')
    return status::sharing_violation;
  const std::size_t type = text.find(':', 1);
  if (o.is_directory || text.back() == ':')
    return status::invalid_parameter;
  if (type != std::string::npos && text.find(':', type + 1) != std::string::npos)
    return status::invalid_parameter;
  auto parsed = vfs::parse_stream_name(text);
  if (parsed) {
    name = std::move(*parsed);
    return status::success;
  }
  const bool is_valid_name = vfs::parse_stream_name(text.substr(0, type) + ":$DATA").has_value();
  return is_valid_name ? status::object_type_mismatch : status::invalid_parameter;
}

/// What the stream and its new name are now.
struct stream_look {
  vfs::path file;
  std::string name;
  std::optional<vfs::identity> target;
};

asio::awaitable<std::tuple<error_code, stream_look>> look_at_stream(
  const open_ptr& o, std::string target) {
  vfs::work<stream_look> job = [file = o->vfs_open,
                                 target = std::move(target)]() -> vfs::result<stream_look> {
    auto there = file->stream_identity(target);
    if (!there)
      return there.error();
    stream_look found;
    if (auto path = file->current_path())
      found.file = std::move(*path);
    found.name = file->stream();
    found.target = std::move(*there);
    return found;
  };
  co_return co_await o->tree_connect->share->files.async_run<stream_look>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
}

/// Asks holders about the target: it is replaced if that is permitted and it is not open, or it is
/// the file's own data, which is written.
asio::awaitable<announced> ask_for_target(
  request& r, const open& o, const stream_look& found, bool is_data, bool replaces) {
  announced result;
  if (!found.target)
    co_return result;
  if (!replaces) {
    result.status = status::object_name_collision;
    co_return result;
  }
  const access_kind kind = is_data ? access_kind::write : access_kind::replace;
  const file_name_id file = is_data ? o.base_file : found.target->bytes();
  co_return co_await announce(r, file, kind, open_id::none);
}

asio::awaitable<void> tell_of_stream(
  request& r, open_ptr o, const stream_look& found, std::string to) {
  const std::shared_ptr<const served_share> share = o->tree_connect->share;
  const std::string file = found.file.name() + ":";
  const std::string type = ":$DATA";
  r.host().watches().report(share->place(),
    {{file + found.name + type, change_action::removed_stream, notify_filter::stream_name},
      {file + to + type, change_action::added_stream, notify_filter::stream_name}});
  const std::optional<lease_key> key = o->parent_key;
  co_await break_parent(r.host(), share, found.file, key, &r);
}

} // namespace

asio::awaitable<reply> rename_stream(request& r, open_ptr o, rename_setting setting) {
  std::string name;
  if (const std::uint32_t bad = parse_new_name(*o, setting.name, name); bad != status::success)
    co_return fail(bad);
  if (!o->is_stream) // the file's data does not become a named stream
    co_return fail(status::not_supported);
  if (vfs::equal_ignoring_case(o->vfs_open->stream(), name)) // no change, thus no break
    co_return set_info_done();
  const announced source = co_await announce(r, o->file, access_kind::rename, o->handle);
  if (source.status != status::success)
    co_return fail(source.status);
  for (int i = 0; i < stream_looks_max; ++i) {
    auto [lost, found] = co_await look_at_stream(o, name);
    if (lost)
      co_return fail(status_of(lost));
    if (found.target && found.target->bytes() == o->file) // its own name, in whatever case
      co_return set_info_done();
    const announced target = co_await ask_for_target(r, *o, found, name.empty(), setting.replace);
    if (target.status != status::success)
      co_return fail(target.status);
    if (!r.still_has(*o))
      co_return fail(status::file_closed);
    // A target that was created meanwhile must not be replaced: its holders were not asked.
    const bool replaces = setting.replace && found.target.has_value();
    // A named value: g++ 12 destroys a conditional's temporary twice within co_await.
    std::string to = name.empty() ? "::$DATA" : name;
    auto [error] = co_await o->tree_connect->share->files.async_rename_stream(
      o->vfs_open, std::move(to), replaces, asio::as_tuple(asio::use_awaitable));
    if (error == vfs::errc::name_collision && !replaces)
      continue;
    if (error)
      co_return fail(status_of(error));
    co_await tell_of_stream(r, o, found, name);
    co_return set_info_done();
  }
  co_return fail(status::sharing_violation);
}

} // namespace leasebreak::smb::commands
