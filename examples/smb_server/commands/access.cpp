// Converts between the coordinator, the file system and the protocol.
#include <smb_server/commands/access.hpp>

#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>
#include <smb_server/vfs/vfs_status.hpp>
#include <smb_server/wire/file_information.hpp>

namespace leasebreak::smb::commands {

std::uint32_t status_of(const boost::system::error_code& error) noexcept {
  if (!error)
    return status::success;
  if (error == asio::error::operation_aborted)
    return status::cancelled;
  if (error.category() == boost::system::error_code{errc::cancelled}.category())
    return to_ntstatus(to_errc(error));
  return vfs::to_nt_status(error);
}

file_metadata to_metadata(const vfs::file_info& info) {
  file_metadata m;
  m.creation_time = to_filetime(info.creation_time);
  m.access_time = to_filetime(info.access_time);
  m.write_time = to_filetime(info.write_time);
  m.change_time = to_filetime(info.change_time);
  m.allocation = info.allocation_size;
  m.end_of_file = info.end_of_file;
  m.attributes = info.attributes;
  m.links = info.links;
  m.index = info.id.inode;
  m.is_directory = info.is_directory;
  return m;
}

asio::awaitable<announced> announce(
  request& r, file_name_id file, access_kind kind, open_id handle) {
  access_request ask;
  ask.file = std::move(file);
  ask.kind = kind;
  ask.open = handle;
  ask.client = r.on().terms.client;
  ask.connection = r.on().id();
  ask.session = id_of(*r.user);
  ask.tree = id_of(*r.tree_connect);
  auto [error, granted] = co_await r.wait_for(r.host().coordinator().async_access(std::move(ask)));
  announced result;
  result.status = status_of(error);
  result.hold = std::move(granted.hold);
  co_return result;
}

asio::awaitable<std::uint32_t> check_locks(
  request& r, const open_ptr& o, byte_range range, bool is_write) {
  io_request ask;
  ask.file = o->file;
  ask.open = o->handle;
  ask.range = range;
  ask.is_write = is_write;
  auto [error] = co_await r.host().coordinator().async_check_io(
    std::move(ask), asio::as_tuple(asio::use_awaitable));
  co_return status_of(error);
}

} // namespace leasebreak::smb::commands
