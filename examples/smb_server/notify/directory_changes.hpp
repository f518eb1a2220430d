// What others see in a directory has changed: their leases on it must hear of it, and those who
// watch it.
#pragma once

#include <smb_server/notify/directory_watches.hpp>
#include <smb_server/opens/open.hpp>
#include <smb_server/session/session.hpp>

#include <leasebreak/hold.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <tuple>
#include <vector>

namespace leasebreak::smb {

class request;
class server;

/// What happened to a file, for those who watch.
struct change_kind {
  change_action action = change_action::modified;
  std::uint32_t what = 0; ///< `notify_filter` bits.
};

/// The change of a file that came to be or went, by what it is.
[[nodiscard]] change_kind name_added(bool is_directory, bool is_stream);
[[nodiscard]] change_kind name_removed(bool is_directory, bool is_stream);

/// The same for its data.
[[nodiscard]] change_kind data_written(bool is_stream);

/// A path as watches have it.
[[nodiscard]] std::string watched_name(const vfs::path& path);

/// Breaks directory leases on the directory that holds `name`, but for one whose key is
/// `parent_key`, and tells its watches. Does nothing to leases if the directory cannot be found.
/// `cause` is the request that has made the change, if one has: the client that sent it hears of
/// the break of its own lease behind the response.
boost::asio::awaitable<void> tell_parent(server& host, std::shared_ptr<const served_share> share,
  vfs::path name, std::optional<lease_key> parent_key, change_kind kind, request* cause = nullptr);

/// As above, for the leases alone.
boost::asio::awaitable<void> break_parent(server& host, std::shared_ptr<const served_share> share,
  vfs::path name, std::optional<lease_key> parent_key, request* cause = nullptr);

/// As `tell_parent`, for the place where an open file is now.
boost::asio::awaitable<void> tell_parent_of(
  server& host, const open& o, change_kind kind, request* cause = nullptr);

/// An open directory is to be deleted: nothing will change in it any more.
boost::asio::awaitable<void> end_watches(server& host, const open& o);

/// Whether the end of the open deletes a directory: whether that is empty is to be seen first.
[[nodiscard]] bool deletes_directory(const open& o);

/// Closes an open, for the coordinator. A directory that it would delete and that is not empty
/// stays, and nobody is asked to let go of it (MS-FSA 2.1.5.5).
boost::asio::awaitable<std::tuple<error_code, close_result>> tell_closed(
  server& host, open_ptr o, bool keep);

/// A file is to be deleted, or with an empty hold it is not.
struct deletion {
  leasebreak::hold hold;
  std::optional<lease_key> parent_key; ///< Of the directory's lease that knows of it.
  std::vector<deleted_name> names; ///< Which of its names go.
};
[[nodiscard]] deletion deletion_of(close_result& closed);

/// Those of the opens that would delete a directory which is not empty are closed, so that it
/// stays. In the others nothing is made before the guards are let go of, which is when the
/// coordinator has been told of their end. Waits for no break.
boost::asio::awaitable<std::vector<entry_guard>> spare_directories(
  server& host, std::vector<open_ptr> ending);

/// A stream's open ends: its file is deleted if it is time.
boost::asio::awaitable<void> end_base(server& host, open& o, request* cause = nullptr);

/// Deletes the file of a stream that is open, and tells its directory.
boost::asio::awaitable<void> remove_base(
  server& host, const open& o, deletion d, request* cause = nullptr);

/// The rest of a close: deletes the file if it is time, lets go of the hold, and tells the
/// directory: of a deletion as the coordinator says, else under the open's own parent key. The file
/// stays open for the requests that still have the open in hand. `cause` as above.
boost::asio::awaitable<void> after_close(
  server& host, open& o, deletion d, request* cause = nullptr);

} // namespace leasebreak::smb
