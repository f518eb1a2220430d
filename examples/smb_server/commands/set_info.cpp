// SET_INFO, except renames and links (MS-SMB2 3.3.5.21).
#include <smb_server/commands/set_info.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/commands/commands.hpp>
#include <smb_server/commands/extended_attributes.hpp>
#include <smb_server/commands/names.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/notify/directory_changes.hpp>
#include <smb_server/opens/stored_state.hpp>
#include <smb_server/server.hpp>
#include <smb_server/wire/file_information.hpp>

#include <leasebreak/model/access.hpp>

namespace leasebreak::smb::commands {

namespace {

constexpr std::uint32_t delete_flag = 0x1; ///< FileDispositionInformationEx

/// MS-FSCC 2.4.7: 0 leaves a time unchanged. -1 also stops its updates by operations on the open,
/// like any time that is set, and -2 resumes them.
bool time_of(
  std::uint64_t value, std::optional<vfs::file_time>& out, std::optional<bool>* updates) {
  if (value == 0)
    return true;
  if (updates != nullptr)
    *updates = value == UINT64_MAX - 1;
  if (value >= UINT64_MAX - 1)
    return true;
  out = from_filetime(value);
  return out.has_value();
}

/// The effects of a change of times and attributes.
struct basic_change {
  bool is_any = false;
  std::uint32_t filter = 0; ///< For watches.
};

template <class T>
void drop_if_same(std::optional<T>& wanted, const T& now) {
  if (wanted == now)
    wanted.reset();
}

/// Times that are as requested are not set again, which would change ChangeTime. A requested
/// ChangeTime is always set, because later requests through the open keep it.
vfs::result<basic_change> change_basic(vfs::open_file& file, vfs::basic_changes wanted) {
  const auto before = file.info();
  if (!before)
    return before.error();
  drop_if_same(wanted.creation_time, before->creation_time);
  drop_if_same(wanted.access_time, before->access_time);
  drop_if_same(wanted.write_time, before->write_time);
  if (const auto error = file.change(wanted))
    return error;
  const auto now = file.info();
  if (!now)
    return now.error();
  basic_change done;
  done.filter |= now->attributes != before->attributes ? notify_filter::attributes : 0;
  done.filter |= now->creation_time != before->creation_time ? notify_filter::creation : 0;
  done.filter |= now->access_time != before->access_time ? notify_filter::last_access : 0;
  done.filter |= now->write_time != before->write_time ? notify_filter::last_write : 0;
  done.is_any = done.filter != 0 || now->change_time != before->change_time;
  return done;
}

asio::awaitable<reply> set_basic(request& r, const set_info_request& asked, open_ptr o) {
  if (!o->may(access::write_attributes))
    co_return fail(status::access_denied);
  const auto basic = parse_basic(asked.data);
  if (!basic)
    co_return fail(status::info_length_mismatch);
  vfs::basic_changes changes;
  if (!time_of(basic->creation_time, changes.creation_time, nullptr) ||
    !time_of(basic->access_time, changes.access_time, &changes.updates_access_time) ||
    !time_of(basic->write_time, changes.write_time, &changes.updates_write_time) ||
    !time_of(basic->change_time, changes.change_time, nullptr))
    co_return fail(status::invalid_parameter);
  if (basic->attributes != 0)
    changes.attributes = basic->attributes;
  vfs::work<basic_change> job = [file = o->vfs_open, changes] {
    return change_basic(*file, changes);
  };
  auto [error, done] = co_await o->tree_connect->share->files.async_run<basic_change>(
    std::move(job), asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  // MS-FSA 2.1.5.15.2: values that are as requested change nothing, and break nothing.
  if (done.is_any)
    co_await tell_parent_of(r.host(), *o, {change_action::modified, done.filter}, &r);
  co_return set_info_done();
}

/// Sets the end of file or the allocation. Both change data that other clients cache.
asio::awaitable<reply> set_size(request& r, const set_info_request& asked, open_ptr o) {
  if (o->is_directory)
    co_return fail(status::invalid_parameter);
  if (!o->may(access::write_data))
    co_return fail(status::access_denied);
  byte_reader in{asked.data};
  const std::uint64_t size = in.u64();
  if (!in.ok())
    co_return fail(status::info_length_mismatch);
  if (size > INT64_MAX)
    co_return fail(status::invalid_parameter);
  announced change = co_await announce(r, o->file, access_kind::write, o->handle);
  if (change.status != status::success)
    co_return fail(change.status);
  if (!r.still_has(*o))
    co_return fail(status::file_closed);
  const bool is_end = static_cast<file_class>(asked.info_class) == file_class::end_of_file;
  const vfs::async_share& files = o->tree_connect->share->files;
  vfs::detail::work<void> job = [file = o->vfs_open, size, is_end] {
    return is_end ? file->set_end_of_file(size) : file->set_allocation(size);
  };
  auto [error] =
    co_await files.async_run<void>(std::move(job), asio::as_tuple(asio::use_awaitable));
  change.hold.release();
  if (error)
    co_return fail(status_of(error));
  co_await tell_parent_of(r.host(), *o, data_written(o->is_stream), &r);
  co_return set_info_done();
}

asio::awaitable<reply> set_position(request& r, const set_info_request& asked, open_ptr o) {
  byte_reader in{asked.data};
  const std::uint64_t position = in.u64();
  if (!in.ok())
    co_return fail(status::info_length_mismatch);
  if (position > INT64_MAX)
    co_return fail(status::invalid_parameter);
  if (o->stored) {
    const error_code error = co_await o->stored->set_position(r.host().coordinator(), position);
    if (error)
      co_return fail(status_of(error));
  }
  o->position = position;
  co_return set_info_done();
}

asio::awaitable<reply> set_file(request& r, const set_info_request& asked, open_ptr o) {
  byte_reader in{asked.data};
  switch (static_cast<file_class>(asked.info_class)) {
  case file_class::basic:
    co_return co_await set_basic(r, asked, o);
  case file_class::allocation:
  case file_class::end_of_file:
    co_return co_await set_size(r, asked, o);
  case file_class::position:
    co_return co_await set_position(r, asked, o);
  case file_class::rename:
    co_return co_await rename(r, asked, o);
  case file_class::link:
    co_return co_await link(r, asked, o);
  case file_class::disposition: {
    const bool remove = in.u8() != 0;
    if (!in.ok())
      co_return fail(status::info_length_mismatch);
    co_return co_await set_disposition(r, remove, o);
  }
  case file_class::disposition_ex: {
    const bool remove = (in.u32() & delete_flag) != 0;
    if (!in.ok())
      co_return fail(status::info_length_mismatch);
    co_return co_await set_disposition(r, remove, o);
  }
  case file_class::mode:
    co_return in.remaining() < 4 ? fail(status::info_length_mismatch) : set_info_done();
  case file_class::full_ea:
    co_return co_await set_eas(r, asked, o);
  default:
    co_return fail(status::invalid_info_class);
  }
}

/// MS-FSA 2.1.5.15.3: only an empty directory can be marked for deletion; then nothing can be
/// created in it. Break its Handle caching first. Then check that it is empty and mark it under a
/// guard of the whole directory, without a wait in between.
asio::awaitable<std::uint32_t> mark_directory(request& r, open_ptr o) {
  const announced prepared = co_await announce(r, o->file, access_kind::prepare_delete, o->handle);
  if (prepared.status != status::success)
    co_return prepared.status;
  entry_guard_request ask{o->file, {}, {}};
  const guarded whole = co_await guard_entry(r, std::move(ask));
  // A pending deletion prevents new entries, like a guard.
  if (whole.status != status::success && whole.status != status::delete_pending)
    co_return whole.status;
  auto [error] = co_await o->tree_connect->share->files.ahead().async_check_removable(
    o->vfs_open, asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return status_of(error);
  const announced marked = co_await announce(r, o->file, access_kind::set_delete, o->handle);
  co_return marked.status;
}

} // namespace

asio::awaitable<reply> set_disposition(request& r, bool remove, open_ptr o) {
  if (!o->may(access::delete_file))
    co_return fail(status::access_denied);
  if (remove) {
    auto [error] = co_await o->tree_connect->share->files.async_check_removable(
      o->vfs_open, asio::as_tuple(asio::use_awaitable));
    if (error)
      co_return fail(status_of(error));
  }
  if (remove && o->is_directory) {
    const std::uint32_t refused = co_await mark_directory(r, o);
    if (refused != status::success)
      co_return fail(refused);
    co_await end_watches(r.host(), *o);
    co_return set_info_done();
  }
  const announced change = co_await announce(
    r, o->file, remove ? access_kind::set_delete : access_kind::clear_delete, o->handle);
  if (change.status != status::success)
    co_return fail(change.status);
  co_return set_info_done();
}

/// The account of the server decides about access. The descriptor is not stored, but watches are
/// notified, as clients expect.
asio::awaitable<reply> set_security(request& r, open_ptr o) {
  if (!o->may(access::write_dac | access::write_owner))
    co_return fail(status::access_denied);
  co_await tell_parent_of(r.host(), *o, {change_action::modified, notify_filter::security}, &r);
  co_return set_info_done();
}

asio::awaitable<reply> set_info(request& r) {
  const auto asked = parse_set_info(r.bytes());
  if (!asked || asked->data.size() > r.host().options().limits.io_bytes ||
    !r.pays_for(asked->data.size()))
    co_return fail(status::invalid_parameter);
  const open_ptr o = r.find_open(asked->id);
  if (!o)
    co_return fail(r.no_open());
  switch (asked->type) {
  case info_type::file:
    co_return co_await set_file(r, *asked, o);
  case info_type::security:
    co_return co_await set_security(r, o);
  case info_type::filesystem:
  case info_type::quota:
    co_return fail(status::not_supported);
  default:
    co_return fail(status::invalid_parameter);
  }
}

} // namespace leasebreak::smb::commands
