// QUERY_INFO and QUERY_DIRECTORY (MS-SMB2 3.3.5.18, 3.3.5.20).
#include <smb_server/commands/access.hpp>
#include <smb_server/commands/commands.hpp>
#include <smb_server/commands/extended_attributes.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>
#include <smb_server/wire/directory_listing.hpp>
#include <smb_server/wire/query.hpp>
#include <smb_server/wire/short_name.hpp>

#include <leasebreak/model/access.hpp>

#include <algorithm>

namespace leasebreak::smb::commands {

namespace {

constexpr std::uint32_t mode_bits = 0x0000'103e; ///< CreateOptions in FileModeInformation.

bool shows_delete_pending(file_class c) {
  return c == file_class::standard || c == file_class::all;
}

/// Asks the coordinator whether the deletion of the file is pending.
asio::awaitable<bool> is_delete_pending(request& r, const open_ptr& o) {
  file_query ask(o->file);
  auto [error, facts] = co_await r.host().coordinator().async_query_file(
    std::move(ask), asio::as_tuple(asio::use_awaitable));
  co_return !error && facts.delete_pending;
}

std::string name_with_backslashes(const vfs::path& path) {
  std::string result = "\\" + path.name();
  std::replace(result.begin(), result.end(), '/', '\\');
  if (!path.stream().empty())
    result += ":" + path.stream();
  return result;
}

/// File system data of a file, gathered in one job.
struct facts {
  vfs::file_info info;
  vfs::path path;
  std::vector<vfs::stream_info> streams;
  std::uint32_t ea_size = 0;
};

vfs::result<facts> gather(const vfs::open_ptr& file, file_class c) {
  auto info = file->info();
  if (!info)
    return info.error();
  facts result;
  result.info = *info;
  if (auto path = file->current_path())
    result.path = std::move(*path);
  if (needs_streams(c)) {
    auto streams = file->streams();
    if (!streams)
      return streams.error();
    result.streams = std::move(*streams);
  }
  if (needs_ea_size(c)) {
    const auto eas = load_eas(*file);
    if (!eas)
      return eas.error();
    result.ea_size = ea_size_of(*eas);
  }
  return result;
}

reply buffer_reply(information info) {
  if (status::is_error(info.status))
    return fail(info.status);
  reply answer;
  answer.status = info.status;
  encode_buffer_response(answer.out, info.data);
  return answer;
}

/// MS-SMB2 3.3.5.20.1: classes with times or attributes need the right to read them.
bool needs_attributes(file_class c) {
  return c == file_class::basic || c == file_class::all || c == file_class::network_open ||
    c == file_class::attribute_tag;
}

asio::awaitable<reply> query_file(request& r, query_info_request asked, open_ptr o) {
  const auto c = static_cast<file_class>(asked.info_class);
  if (needs_attributes(c) && !o->may(access::read_attributes))
    co_return fail(status::access_denied);
  vfs::detail::work<facts> job = [file = o->vfs_open, c] { return gather(file, c); };
  auto [error, known] = co_await o->tree_connect->share->files.async_run<facts>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  file_description f;
  f.metadata = to_metadata(known.info);
  f.access = o->access;
  f.position = o->position;
  f.mode = o->options & mode_bits;
  f.volume = known.info.id.device;
  f.name = name_with_backslashes(known.path);
  f.short_name = short_name_of(known.path.leaf());
  f.ea_size = known.ea_size;
  for (const vfs::stream_info& s : known.streams)
    f.streams.push_back({":" + s.name + ":$DATA", s.size, s.allocation_size});
  if (shows_delete_pending(c)) {
    f.metadata.delete_pending = co_await is_delete_pending(r, o);
    if (f.metadata.delete_pending && f.metadata.links > 0)
      --f.metadata.links;
  }
  co_return buffer_reply(encode_file_information(c, f, asked.output_max));
}

asio::awaitable<reply> query_volume(request& r, query_info_request asked) {
  constexpr std::uint32_t case_sensitive = 0x1;
  constexpr std::uint32_t case_preserving = 0x2;
  constexpr std::uint32_t unicode = 0x4;
  constexpr std::uint32_t read_only_volume = 0x0008'0000;
  constexpr std::uint32_t named_streams = 0x0004'0000;
  constexpr std::uint32_t extended_attributes = 0x0080'0000;
  const served_share& share = *r.tree_connect->share;
  auto [error, space] = co_await share.files.async_space(asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  volume_description v;
  v.creation_time = to_filetime(space.creation_time);
  v.serial = static_cast<std::uint32_t>(space.device);
  v.index = space.root;
  v.label = share.name;
  v.attributes = case_sensitive | case_preserving | unicode |
    (space.has_streams ? named_streams | extended_attributes : 0) |
    (space.read_only ? read_only_volume : 0);
  v.total_units = space.total_blocks;
  v.caller_units = space.available_blocks;
  v.free_units = space.free_blocks;
  v.unit_bytes = static_cast<std::uint32_t>(space.block_bytes);
  co_return buffer_reply(
    encode_volume_information(static_cast<volume_class>(asked.info_class), v, asked.output_max));
}

reply query_security(const query_info_request& asked, const open& o) {
  if (!o.may(access::read_control))
    return fail(status::access_denied);
  const byte_vector descriptor = open_security_descriptor();
  if (descriptor.size() <= asked.output_max)
    return buffer_reply({status::success, descriptor});
  // MS-SMB2 3.3.5.20.3: the error contains the required size.
  byte_writer needed;
  needed.u32(static_cast<std::uint32_t>(descriptor.size()));
  reply answer;
  answer.status = status::buffer_too_small;
  encode_error(answer.out, needed.view());
  return answer;
}

} // namespace

asio::awaitable<reply> query_info(request& r) {
  const auto asked = parse_query_info(r.bytes());
  if (!asked || asked->output_max > r.host().options().limits.io_bytes ||
    !r.pays_for(std::max<std::size_t>(asked->output_max, asked->input.size())))
    co_return fail(status::invalid_parameter);
  const open_ptr o = r.find_open(asked->id);
  if (!o)
    co_return fail(r.no_open());
  switch (asked->type) {
  case info_type::file:
    if (static_cast<file_class>(asked->info_class) == file_class::full_ea)
      co_return co_await query_eas(*asked, o);
    co_return co_await query_file(r, *asked, o);
  case info_type::filesystem:
    co_return co_await query_volume(r, *asked);
  case info_type::security:
    co_return query_security(*asked, *o);
  case info_type::quota:
    co_return fail(status::not_supported);
  default:
    co_return fail(status::invalid_parameter);
  }
}

namespace {

/// The entries of one response: as many as fit.
struct listed {
  listed(file_class c, std::size_t room, bool one) : listing{c, room}, single{one} {}

  directory_listing listing;
  bool single; ///< At most one entry is wanted.
  bool any = false;
  bool too_small = false; ///< Not even one entry fits.
  bool complete = false;
  vfs::list_position fits_to; ///< Position after the last entry that fits.
};

/// Adds the entries of a batch. Returns false if one does not fit.
bool add_entries(listed& l, const std::vector<vfs::directory_entry>& entries) {
  for (const vfs::directory_entry& e : entries) {
    if (!l.listing.add(e.name, to_metadata(e.info)))
      return false;
    l.fits_to = e.after;
    l.any = true;
  }
  return true;
}

/// Adds one batch. Further batches are separate jobs: other clients can use the disk's threads
/// between them.
error_code fill(const vfs::cursor_ptr& cursor, listed& l) {
  constexpr std::size_t batch_size = 64;
  const auto batch = cursor->next(l.single ? 1 : batch_size);
  if (!batch)
    return batch.error();
  if (!add_entries(l, batch->entries)) {
    l.complete = true;
    l.too_small = !l.any;
    return l.any ? cursor->seek(l.fits_to) : error_code{};
  }
  l.complete = batch->end || (l.single && l.any);
  return {};
}

/// Adds batches until the response is complete or the client cancels the request.
asio::awaitable<std::uint32_t> list_piece(
  request& r, open_ptr o, vfs::cursor_ptr cursor, std::shared_ptr<listed> l) {
  while (!l->complete) {
    if (r.is_cancelled())
      co_return status::cancelled;
    vfs::work<void> job = [cursor, l] { return fill(cursor, *l); };
    auto [error] = co_await o->tree_connect->share->files.bulk().async_run<void>(
      std::move(job), asio::as_tuple(asio::use_awaitable));
    if (error)
      co_return status_of(error);
  }
  co_return status::success;
}

/// Starts or restarts the listing, and returns its cursor. The request keeps the cursor itself,
/// because an open that is closed meanwhile has none.
asio::awaitable<std::uint32_t> prepare_cursor(
  open_ptr o, query_directory_request asked, vfs::cursor_ptr& cursor_now) {
  const std::uint8_t restarts = directory_flag::restart | directory_flag::reopen;
  cursor_now = o->cursor;
  if (cursor_now && (asked.flags & restarts) == 0)
    co_return status::success;
  if (cursor_now && (asked.flags & directory_flag::reopen) == 0 && asked.pattern.empty()) {
    // On a disk thread, because it waits for a listing in progress.
    vfs::work<void> rewind = [cursor_now] { return cursor_now->seek({}); };
    auto [error] = co_await o->tree_connect->share->files.async_run<void>(
      std::move(rewind), asio::as_tuple(asio::use_awaitable));
    o->listed_any = false;
    co_return status_of(error);
  }
  // A named value: g++ 12 destroys a conditional's temporary twice within co_await.
  std::string pattern = asked.pattern.empty() ? "*" : asked.pattern;
  auto [error, cursor] = co_await o->tree_connect->share->files.async_list(
    o->vfs_open, std::move(pattern), true, asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return status_of(error);
  cursor_now = o->cursor = std::move(cursor);
  o->listed_any = false;
  co_return status::success;
}

} // namespace

asio::awaitable<reply> query_directory(request& r) {
  const auto asked = parse_query_directory(r.bytes());
  if (!asked || asked->output_max > r.host().options().limits.io_bytes ||
    !r.pays_for(asked->output_max))
    co_return fail(status::invalid_parameter);
  open_ptr o;
  if (const std::uint32_t bad = r.find_directory(asked->id, o); bad != status::success)
    co_return fail(bad);
  const auto c = static_cast<file_class>(asked->info_class);
  if (!is_directory_class(c))
    co_return fail(status::invalid_info_class);
  vfs::cursor_ptr cursor;
  if (const std::uint32_t bad = co_await prepare_cursor(o, *asked, cursor); bad != status::success)
    co_return fail(bad);
  const bool single = (asked->flags & directory_flag::single_entry) != 0;
  const auto found = std::make_shared<listed>(c, asked->output_max, single);
  if (const std::uint32_t bad = co_await list_piece(r, o, cursor, found); bad != status::success)
    co_return fail(bad);
  if (found->too_small)
    co_return fail(status::info_length_mismatch);
  // MS-SMB2 3.3.5.18: the first query without entries has another status than the end of a listing.
  if (!found->any)
    co_return fail(o->listed_any ? status::no_more_files : status::no_such_file);
  o->listed_any = true;
  reply answer;
  encode_buffer_response(answer.out, found->listing.take());
  co_return answer;
}

} // namespace leasebreak::smb::commands
