#include <smb_server/commands/file_ranges.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/notify/directory_changes.hpp>
#include <smb_server/server.hpp>

#include <leasebreak/model/access.hpp>

namespace leasebreak::smb::commands {

namespace {

constexpr std::size_t extent_size = 16;

/// Returns the attributes that have changed.
vfs::result<std::uint32_t> make_sparse(vfs::open_file& file, bool sparse) {
  const auto before = file.info();
  if (!before)
    return before.error();
  if (const auto error = file.set_sparse(sparse))
    return error;
  const auto now = file.info();
  if (!now)
    return now.error();
  return before->attributes ^ now->attributes;
}

reply without_output(const ioctl_request& asked, const open& o) {
  reply answer;
  encode_ioctl_response(answer.out, asked.code, o.id, {});
  return answer;
}

} // namespace

asio::awaitable<reply> set_sparse(request& r, const ioctl_request& asked, open_ptr o) {
  if (o->is_directory)
    co_return fail(status::invalid_parameter);
  if (!o->may(access::write_data | access::write_attributes))
    co_return fail(status::access_denied);
  const bool sparse = asked.input.empty() || asked.input.front() != 0;
  vfs::detail::work<std::uint32_t> job = [file = o->vfs_open, sparse] {
    return make_sparse(*file, sparse);
  };
  auto [error, changed] = co_await o->tree_connect->share->files.async_run<std::uint32_t>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  // The directory's listings contain the attribute.
  if (changed != 0)
    co_await tell_parent_of(r.host(), *o, {change_action::modified, notify_filter::attributes}, &r);
  co_return without_output(asked, *o);
}

asio::awaitable<reply> set_zero_data(request& r, const ioctl_request& asked, open_ptr o) {
  if (o->is_directory)
    co_return fail(status::invalid_parameter);
  if (!o->may(access::write_data))
    co_return fail(status::access_denied);
  byte_reader in{asked.input};
  const std::uint64_t from = in.u64();
  const std::uint64_t to = in.u64();
  if (!in.ok() || from > to || to > INT64_MAX)
    co_return fail(status::invalid_parameter);
  if (from == to) // no change, thus no break
    co_return without_output(asked, *o);
  // As for a WRITE: before the announcement, and after the wait.
  const byte_range range{from, to - from};
  if (const std::uint32_t bad = co_await check_locks(r, o, range, true); bad != status::success)
    co_return fail(bad);
  announced change = co_await announce(r, o->file, access_kind::write, o->handle);
  if (change.status != status::success)
    co_return fail(change.status);
  if (const std::uint32_t bad = co_await check_locks(r, o, range, true); bad != status::success)
    co_return fail(bad);
  if (!r.still_has(*o))
    co_return fail(status::file_closed);
  vfs::detail::work<void> job = [file = o->vfs_open, from, to] { return file->zero(from, to); };
  auto [error] = co_await o->tree_connect->share->files.async_run<void>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
  change.hold.release();
  if (error)
    co_return fail(status_of(error));
  co_await tell_parent_of(r.host(), *o, data_written(o->is_stream), &r);
  co_return without_output(asked, *o);
}

asio::awaitable<reply> query_allocated_ranges(const ioctl_request& asked, open_ptr o) {
  if (o->is_directory)
    co_return fail(status::invalid_parameter);
  if (!o->may(access::read_data))
    co_return fail(status::access_denied);
  byte_reader in{asked.input};
  const std::uint64_t from = in.u64();
  const std::uint64_t length = in.u64();
  if (!in.ok() || reaches_too_far(from, length))
    co_return fail(status::invalid_parameter);
  const std::size_t extents_max = asked.output_max / extent_size;
  vfs::detail::work<std::vector<vfs::extent>> job = [file = o->vfs_open, from, length,
                                                      extents_max] {
    return file->allocated(from, from + length, extents_max + 1);
  };
  auto [error, found] = co_await o->tree_connect->share->files.async_run<std::vector<vfs::extent>>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  const bool fits = found.size() <= extents_max;
  if (!fits && extents_max == 0)
    co_return fail(status::buffer_too_small);
  if (!fits)
    found.resize(extents_max);
  byte_writer out;
  for (const vfs::extent& e : found) {
    out.u64(e.offset);
    out.u64(e.length);
  }
  reply answer;
  answer.status = fits ? status::success : status::buffer_overflow;
  encode_ioctl_response(answer.out, asked.code, o->id, out.view());
  co_return answer;
}

} // namespace leasebreak::smb::commands
