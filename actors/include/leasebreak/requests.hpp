// Arguments and results of the coordinator's operations.
#pragma once

#include <leasebreak/entry_guard.hpp>
#include <leasebreak/hold.hpp>
#include <leasebreak/model/access.hpp>
#include <leasebreak/model/break_notification.hpp>
#include <leasebreak/model/end_cause.hpp>
#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/listed_entry.hpp>
#include <leasebreak/model/operation_arguments.hpp>
#include <leasebreak/model/persisted_lock.hpp>
#include <leasebreak/pending_answer.hpp>
#include <leasebreak/tree_guard.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Identifies a file by the same bytes for every name of the file, for example by device and inode.
/// A named stream is a file of its own. Not empty, at most `limits::file_id_bytes` long.
using file_name_id = std::string;

// Requests have constructors, so that they are not aggregates: g++ 12 destroys an aggregate
// temporary twice if it is written with braces in an operand of `co_await`.

/// Arguments of `async_open`.
struct open_request : open_arguments {
  open_request() = default;

  file_name_id file; ///< The file to open.
  /// For a named stream: the id of its file. Set it together with `stand_in`. That open must name
  /// this file by `stream` if holders of its caches are to be asked.
  file_name_id base;
  /// For a named stream: the open of `base` that stands for this one.
  open_id stand_in{};
  /// The path of the file from the root of what the share exports: components separated by `/`,
  /// without a stream. Empty if unknown, or for the root itself. Listings and deletions name the
  /// file by it, and renames of directories above use it to find the open.
  std::string path;
  /// Identifies the directory that the share exports; the same for all shares of this directory.
  /// Empty: the name of the share is used.
  std::string root;
};

/// A name of a file that is to be deleted (MS-FSA 2.1.5.15.3): the current form of the name through
/// which the deletion was requested. A file with several hard links keeps its other names.
struct deleted_name {
  std::string root; ///< `open_request::root`, or the name of the share.
  std::string path; ///< As in `open_request`.

  friend bool operator==(const deleted_name&, const deleted_name&) = default;
};

/// The result of `async_open`.
struct open_result {
  open_id open{}; ///< The id of the new open.
  /// The granted level; `lease` if a lease was requested.
  oplock_level oplock = oplock_level::none;
  lease_key key; ///< The key of the lease; zero without a lease.
  lease_state state = lease_state::none; ///< What may be cached, by lease or oplock.
  std::uint8_t version = 0; ///< The version of the lease; 0 without a lease.
  std::uint16_t epoch = 0; ///< V2: the epoch of the lease; V1: 0.
  bool break_in_progress = false; ///< A break of the lease is in progress (MS-SMB2 2.2.14.2.10).
  std::optional<lease_key> parent_key; ///< V2: for the response, if the request had it.
  bool durable = false; ///< The open will be kept when it is disconnected.
  bool persistent = false; ///< The open will survive a restart.
  leasebreak::hold hold; ///< Overwriting: release it after truncating the file.
  pending_answer answer; ///< Keep it until the response to the client is queued.
  /// Also set with an error: the operation waited. The server must look the name up again under an
  /// entry guard, and start over if it names another file or none.
  bool waited = false;
};

/// Arguments of `async_close`.
struct close_request : close_arguments {
  close_request() = default;
  /// Sets these members; all others keep their defaults.
  close_request(file_name_id f, open_id o, bool keep = false, bool spares_file = false)
    : close_arguments{o, keep, spares_file}, file(std::move(f)) {}

  file_name_id file; ///< The file of the open.
};

/// The result of `async_close`.
struct close_result {
  bool kept = false; ///< The open is durable, and stays as a disconnected open.
  bool delete_file = false; ///< Delete the file now, then release the hold.
  leasebreak::hold hold; ///< With `delete_file`: release it after deleting the file.
  /// With `delete_file`: for the `access_request` that reports the deletion to the directory. Set
  /// only if the opens that asked for the deletion and the open that carries it out have the same
  /// ParentLeaseKey.
  std::optional<lease_key> parent_key;
  /// With `delete_file`: the names to delete. Empty if their opens had no path; delete the name of
  /// the last open then.
  std::vector<deleted_name> names;
};

/// Arguments of `async_reconnect` (MS-SMB2 3.3.5.9.7, 3.3.5.9.12).
struct reconnect_request : reconnect_arguments {
  reconnect_request() = default;
  /// Sets these members; all others keep their defaults.
  reconnect_request(file_name_id f, open_id o, const client_guid& c,
    connection_id on = connection_id::none, std::optional<lease_key> k = {},
    std::optional<create_guid> g = {}, session_id in = session_id::none, tree_id t = tree_id::none)
    : reconnect_arguments{o, c, on, k, g, in, t}, file(std::move(f)) {}

  file_name_id file; ///< The file of the open.
};

/// Arguments of `async_replay` (MS-SMB2 3.3.5.9.10).
struct replay_request : replay_arguments {
  replay_request() = default;
  /// Sets these members; all others keep their defaults.
  replay_request(file_name_id f, open_id o, const client_guid& c,
    std::optional<lease_request> l = {}, oplock_level level = oplock_level::none,
    connection_id on = connection_id::none)
    : replay_arguments{o, c, l, level, on}, file(std::move(f)) {}

  file_name_id file; ///< The file of the open.
};

/// Arguments of `async_set_server_state`.
struct server_state_request : server_state_arguments {
  server_state_request() = default;
  /// Sets these members; all others keep their defaults.
  server_state_request(file_name_id f, open_id o, std::string state)
    : server_state_arguments{o, std::move(state)}, file(std::move(f)) {}

  file_name_id file; ///< The file of the open.
};

/// Arguments of `async_make_resilient` (MS-SMB2 3.3.5.15.9).
struct resilience_request : resilience_arguments {
  resilience_request() = default;
  /// Sets these members; all others keep their defaults.
  resilience_request(file_name_id f, open_id o, duration time)
    : resilience_arguments{o, time}, file(std::move(f)) {}

  file_name_id file; ///< The file of the open.
};

/// Arguments of `async_lock` (MS-FSA 2.1.5.8, MS-SMB2 3.3.5.14.2). All locks are taken, or none.
struct lock_request : lock_arguments {
  lock_request() = default;
  /// Sets these members; all others keep their defaults.
  lock_request(file_name_id f, open_id o, std::vector<lock_element> e, bool at_once = true,
    std::optional<lock_sequence> s = {}, std::uint64_t allocated = unknown_allocation,
    connection_id on = connection_id::none)
    : lock_arguments{o, std::move(e), at_once, s, allocated, on}, file(std::move(f)) {}

  file_name_id file; ///< The file of the open.
};

/// Arguments of `async_unlock` (MS-SMB2 3.3.5.14.1).
struct unlock_request : unlock_arguments {
  unlock_request() = default;
  /// Sets these members; all others keep their defaults.
  unlock_request(
    file_name_id f, open_id o, std::vector<byte_range> r, std::optional<lock_sequence> s = {})
    : unlock_arguments{o, std::move(r), s}, file(std::move(f)) {}

  file_name_id file; ///< The file of the open.
};

/// Arguments of `async_acknowledge` for an oplock.
struct oplock_acknowledgement : oplock_acknowledgement_arguments {
  oplock_acknowledgement() = default;
  /// Sets these members; all others keep their defaults.
  oplock_acknowledgement(
    file_name_id f, const client_guid& c, open_id o, oplock_level l = oplock_level::none)
    : oplock_acknowledgement_arguments{c, o, l}, file(std::move(f)) {}

  file_name_id file; ///< The file of the open.
};

/// Arguments of `async_access` (MS-FSA 2.1.4.12).
struct access_request : access_arguments {
  access_request() = default;
  /// Sets these members; all others keep their defaults.
  access_request(file_name_id f, access_kind k, open_id o = open_id::none,
    const client_guid& c = {}, std::optional<lease_key> parent = {},
    connection_id on = connection_id::none, session_id in = session_id::none,
    tree_id t = tree_id::none)
    : access_arguments{k, o, c, parent, on, in, t}, file(std::move(f)) {}

  file_name_id file; ///< The file that is accessed.
};

/// The result of `async_access`.
struct access_result {
  leasebreak::hold hold; ///< If not empty, release it after the change.
  /// Set for a directory change (`access_kind::change_children`) that breaks a lease of the same
  /// client. Keep it until the response to the client is queued, which must precede the break.
  pending_answer answer;
};

/// Arguments of `async_guard_entry`.
struct entry_guard_request {
  entry_guard_request() = default;
  /// Sets these members; all others keep their defaults.
  entry_guard_request(file_name_id d, std::string entry, std::string second = {})
    : directory(std::move(d)), name(std::move(entry)), also(std::move(second)) {}

  file_name_id directory; ///< The directory.
  /// The name of the entry, in the form in which the file system compares names. Empty: the whole
  /// directory, to determine whether it is empty.
  std::string name;
  /// A second name in the same directory, for a rename. Guards of two directories must be taken one
  /// after the other, that of the smaller file id first, so that two renames cannot deadlock.
  std::string also;
};

/// Arguments of `async_rename_tree`.
struct rename_tree_request {
  rename_tree_request() = default;
  /// Sets these members; all others keep their defaults.
  rename_tree_request(std::string r, std::string path, file_name_id id, const client_guid& c = {})
    : root(std::move(r)), from(std::move(path)), directory(std::move(id)), client(c) {}

  std::string root; ///< As in `open_request`; not empty.
  std::string from; ///< The directory's path; not empty.
  file_name_id directory; ///< The directory's id.
  client_guid client; ///< The client that renames; zero if it is not an SMB client.
};

/// Arguments of `async_check_io`.
struct io_request : io_arguments {
  io_request() = default;
  /// Sets these members; all others keep their defaults.
  io_request(file_name_id f, open_id o, const byte_range& r, bool writes = false)
    : io_arguments{o, r, writes}, file(std::move(f)) {}

  file_name_id file; ///< The file of the open.
};

/// Arguments of `async_query_file`.
struct file_query {
  file_query() = default;
  /// Sets these members; all others keep their defaults.
  explicit file_query(file_name_id f) : file(std::move(f)) {}

  file_name_id file; ///< The file.
};

/// The result of `async_query_file`.
struct file_facts {
  bool delete_pending = false; ///< The file will be deleted with its last open.
};

/// Arguments of `async_disconnect`.
struct disconnect_request {
  client_guid client; ///< The client.
  std::optional<connection_id> connection; ///< Empty: all connections.
};

/// Arguments of `async_end_session`.
struct end_session_request {
  client_guid client; ///< The client.
  session_id session{}; ///< The session that has ended.
};

/// Arguments of `async_end_tree`.
struct end_tree_request {
  client_guid client; ///< The client.
  session_id session{}; ///< The session of the tree connect.
  tree_id tree{}; ///< The tree connect that has ended.
};

/// A file that must be deleted, because its last open ended.
struct file_to_delete {
  file_name_id file; ///< The file's id.
  leasebreak::hold hold; ///< Release it after deleting the file.
  std::optional<lease_key> parent_key; ///< As in `close_result`.
  std::vector<deleted_name> names; ///< As in `close_result`.
};

/// The result of `async_disconnect`, `async_end_session` and `async_end_tree`.
struct disconnect_result {
  std::size_t opens = 0; ///< How many opens ended.
  /// Durable opens that stay as disconnected opens, in no particular order.
  std::vector<open_id> kept;
  std::vector<file_to_delete> to_delete; ///< The files to delete now.
};

/// Arguments of `async_force_break`.
struct force_break_request : force_break_arguments {
  force_break_request() = default;
  /// Sets these members; all others keep their defaults.
  force_break_request(file_name_id f, std::optional<client_guid> c, std::optional<lease_key> k = {},
    lease_state left = lease_state::none, bool ends = false)
    : force_break_arguments{c, k, left, ends}, file(std::move(f)) {}

  file_name_id file; ///< The file.
};

/// Arguments of `async_list_page`. A page has the entries of whole files. All members that are
/// given must match.
struct list_request {
  list_request() = default;

  /// Which entries to list.
  enum class scope : std::uint8_t {
    all, ///< Everything that `async_list` returns.
    breaking, ///< Leases and oplocks with a break in progress.
    waiting, ///< Operations that wait.
  };

  lock_query matching; ///< The filter by file, owner, client, share and kind.
  scope what = scope::all; ///< Which entries to list.
  /// Only files of which some open's path begins with this; the other entries of these files are
  /// listed, too. Paths are compared byte by byte: upper and lower case differ.
  std::string path_prefix;
  /// Only files of which some open's path is this, or ends with `/` and this.
  std::string path_tail;

  /// Whether an open with this path chooses its file.
  [[nodiscard]] bool has_path(std::string_view path) const noexcept {
    const auto rest = path.size() - path_tail.size(); // not used if it wraps
    return path.starts_with(path_prefix) &&
      (path_tail.empty() || (path.ends_with(path_tail) && (rest == 0 || path[rest - 1] == '/')));
  }
  /// The page ends with the file that brings it to so many entries. At least 1.
  std::size_t limit = 1'000;
  file_name_id after; ///< `listed_page::next` of the page before. Empty: from the beginning.
};

/// What `async_list_page` gives. A file's entries are together and consistent, files in no order.
struct listed_page {
  std::vector<listed_entry> entries; ///< The entries of the page.
  file_name_id next; ///< For the next page. Empty: this is the last one.
  time_point now{}; ///< On the clock of the entries' times.
};

/// A registered client, in the answer of `coordinator::list_clients`.
struct listed_client {
  client_guid client; ///< The client's id.
  std::string label; ///< The client's label.
  std::size_t opens = 0; ///< How many opens it has.
  std::size_t locks = 0; ///< Byte-range locks.
};

/// Arguments of `async_reclaim_lock`.
struct reclaim_lock_request : reclaim_lock_arguments {
  reclaim_lock_request() = default;
  /// Sets these members; all others keep their defaults.
  reclaim_lock_request(file_name_id f, open_id o, std::string record, const lock_element& e = {})
    : reclaim_lock_arguments{o, std::move(record), e}, file(std::move(f)) {}

  file_name_id file; ///< The file of the open.
};

/// A persistent open that was recovered after a restart. It is a disconnected open whose timeout
/// starts with the recovery.
struct recovered_open {
  file_name_id file; ///< The file of the open.
  open_id open{}; ///< The id of the open, as before the restart.
  client_guid client; ///< The client that may reconnect it.
  std::string share; ///< The name of the share.
  std::uint32_t access = 0; ///< The granted access.
  std::uint32_t share_access = 0; ///< The share mode.
  bool delete_on_close = false; ///< Delete the file when it is closed.
  create_guid guid; ///< Zero for V1.
  std::optional<lease_key> key; ///< The key of its lease.
  duration timeout{}; ///< How long it is kept while disconnected.
  std::string server_state; ///< `durable_request::server_state`.
};

/// The result of `async_start`.
struct start_result {
  /// The last stop was clean and not in a grace period, or this is the first start.
  bool clean = true;
  std::uint64_t server_epoch = 0; ///< How often the server was started with this store.
  std::size_t recovered = 0; ///< The number of recovered records.
  std::vector<record_error> malformed; ///< Records that were ignored because they cannot be read.
  /// Persistent opens. Close those that the server does not know any more.
  std::vector<recovered_open> opens;
  bool in_grace = false; ///< A grace period has begun.
};

/// An open that has ended without an action of its client: a disconnected durable open, or an open,
/// connected or not, whose application has moved to another client.
struct open_lost {
  file_name_id file; ///< The file of the open.
  open_id open{}; ///< The open that has ended.
  client_guid client; ///< The client of the open.
  end_cause cause{}; ///< `expired`, `purged`, `superseded` or `lost`.
  leasebreak::hold hold; ///< If not empty, delete the file now, then release it.
  std::optional<lease_key> parent_key; ///< With `hold`, as in `close_result`.
  std::vector<deleted_name> names; ///< With `hold`, as in `close_result`.
};

/// Reports the fate of a notification to the coordinator. Copyable. Thread-safe. Only the first
/// call counts; without a call, the notification counts as sent. Lifetime: it may be used and
/// destroyed at any time. It does nothing after the client is unregistered or the coordinator is
/// destroyed. It keeps a small part of its file's memory alive, but nothing of the server's.
class break_report {
public:
  break_report() = default;
  /// For the library only.
  break_report(
    std::shared_ptr<detail::file_link> link, break_id id, std::uint32_t offer = 0) noexcept;

  /// Reports that the notification could not be sent on any of its channels. The break ends
  /// immediately, except that of a persistent open, which is sent again when its client reconnects
  /// (MS-SMB2 3.3.4.7). Does nothing if the same break has been sent again meanwhile.
  void undeliverable() const;

private:
  std::shared_ptr<detail::file_link> link_;
  break_id id_{};
  std::uint32_t offer_ = 0;
};

/// Receives the break notifications of a client in the order of the state changes; `file` is the
/// file's id. `notification.channels` lists the channels to try, in order of preference; if all
/// fail, call `report.undeliverable()`. If the connection on which it was sent ends and there is
/// another, the same break is sent again. Called on the client's executor, one call at a time,
/// never from within a call to the coordinator. Must not throw.
///
/// Lifetime: `unregister_client`, `replace_sink`, if they succeed, and the coordinator's destructor
/// end the use of a sink. When they have returned, the sink is not running on another thread, is
/// not called again, and has been destroyed with all that it captured. If they are called from
/// within the sink, the call continues, and the sink is destroyed when it returns. A sink may
/// therefore refer to the coordinator. The executor must exist as long as the sink; a call that is
/// still queued on it then is dropped.
using break_sink = std::function<void(
  const break_notification& notification, const file_name_id& file, break_report report)>;

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
