// Reports changes in a directory to its leases and watches, and deletes files when their last open
// closes.
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

/// A change of a file, as watches report it.
struct change_kind {
  change_action action = change_action::modified;
  std::uint32_t what = 0; ///< `notify_filter` bits.
};

/// Returns the change for a created or deleted file of this type.
[[nodiscard]] change_kind name_added(bool is_directory, bool is_stream);
[[nodiscard]] change_kind name_removed(bool is_directory, bool is_stream);

/// Returns the change for modified data.
[[nodiscard]] change_kind data_written(bool is_stream);

/// Returns a path in the form that watches use.
[[nodiscard]] std::string watched_name(const vfs::path& path);

/// Breaks the leases on the directory that contains `name`, except a lease with key `parent_key`,
/// and reports the change to watches. Breaks nothing if the directory cannot be found. `cause` is
/// the request that made the change, or null. If the change breaks a lease of its client, the break
/// follows the request's response.
boost::asio::awaitable<void> tell_parent(server& host, std::shared_ptr<const served_share> share,
  vfs::path name, std::optional<lease_key> parent_key, change_kind kind, request* cause = nullptr);

/// Like `tell_parent`, without watches.
boost::asio::awaitable<void> break_parent(server& host, std::shared_ptr<const served_share> share,
  vfs::path name, std::optional<lease_key> parent_key, request* cause = nullptr);

/// Like `tell_parent`, for the current path of an open file.
boost::asio::awaitable<void> tell_parent_of(
  server& host, const open& o, change_kind kind, request* cause = nullptr);

/// Completes the pending CHANGE_NOTIFY requests of an open directory that is to be deleted.
boost::asio::awaitable<void> end_watches(server& host, const open& o);

/// Returns whether closing the open deletes a directory. The directory must be checked for entries
/// before.
[[nodiscard]] bool deletes_directory(const open& o);

/// Closes an open at the coordinator. If the close would delete a directory that is not empty, the
/// directory stays and no lease on it is broken (MS-FSA 2.1.5.5).
boost::asio::awaitable<std::tuple<error_code, close_result>> tell_closed(
  server& host, open_ptr o, bool keep);

/// The deletion of a file. If the hold is empty, nothing is deleted.
struct deletion {
  leasebreak::hold hold;
  std::optional<lease_key> parent_key; ///< The lease on the directory that is not broken.
  std::vector<deleted_name> names; ///< The names to remove.
};
[[nodiscard]] deletion deletion_of(close_result& closed);
[[nodiscard]] deletion deletion_of(open_lost& lost);

/// Closes those opens that would delete a directory which is not empty; the directory stays.
/// Returns guards of the other directories, in which nothing can be created meanwhile. Release them
/// after the coordinator was told about the end of the opens. Waits for no break. `keep`: opens
/// that may be kept for their client stay.
boost::asio::awaitable<std::vector<entry_guard>> spare_directories(
  server& host, std::vector<open_ptr> ending, bool keep);

/// Closes the open that stands for a stream at its file. Deletes the file if that is due.
boost::asio::awaitable<void> end_base(server& host, open& o, request* cause = nullptr);

/// Deletes the file of an open stream, and reports that to its directory.
boost::asio::awaitable<void> remove_base(
  server& host, const open& o, deletion d, request* cause = nullptr);

/// Completes a close. Deletes the file if `d` has a hold, and releases the hold. Reports a deletion
/// with the parent key of `d`, or written data with that of the open. The file stays open for
/// requests that still use the open. `cause` as above.
boost::asio::awaitable<void> after_close(
  server& host, open& o, deletion d, request* cause = nullptr);

} // namespace leasebreak::smb
