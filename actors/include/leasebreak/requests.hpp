// What a server asks the coordinator, and what it answers.
#pragma once

#include <leasebreak/entry_guard.hpp>
#include <leasebreak/hold.hpp>
#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>
#include <leasebreak/pending_answer.hpp>
#include <leasebreak/tree_guard.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak {

/// Names a file: the same bytes for every name by which it can be opened, such as device and inode.
/// A named stream is a file of its own. Not empty, at most `limits::file_id_bytes` long.
using file_name_id = std::string;

// Requests have constructors, so that they are no aggregates: g++ 12 destroys an aggregate
// temporary twice that is written with braces in an operand of `co_await`.

/// Arguments of `async_open`; see `open_file` for what the members mean.
struct open_request {
  open_request() = default;

  file_name_id file;
  client_guid client; ///< A registered client.
  connection_id connection{};
  std::string share;
  std::uint32_t access = access::read_data; ///< Granted access, generic bits are mapped.
  std::uint32_t share_access = share::all;
  bool overwrites = false;
  bool created = false;
  bool is_directory = false;
  bool delete_on_close = false;
  std::optional<lease_request> lease;
  oplock_level oplock = oplock_level::none;
  lease_state caching_max = lease_state::rwh;
  std::optional<durable_request> durable; ///< Given: keep the open when its connection goes.
  bool reclaim = false;
  bool of_stream = false; ///< See `open_file`.
  std::uint64_t allocation_size = unknown_allocation; ///< See `open_file`.
  /// The session, if the server has told of its channels (`coordinator::add_channel`): the open
  /// lives as long as the session does on any of them. None: it ends with its connection.
  session_id session{};
  tree_id tree{}; ///< The session's tree connect, with which it ends (`async_end_tree`).
  /// Where the file is, from the root of what the share exports: components separated by `/`, no
  /// stream. Empty: not told, or the root itself. Listings name the file by it, deletions come back
  /// with it, and renames of directories above find the open by it.
  std::string path;
  /// Stands for the directory that the share exports: the same for all shares of that. Empty: the
  /// share's name does.
  std::string root;
  /// The application that opens it, if the client names one (MS-SMB2 3.3.5.9.13). What
  /// it has opened on other clients ends before this open goes on or waits, through whatever share
  /// mode, lease or lock it was in the way: without a break, and reported through
  /// `coordinator_config::on_open_lost`. Only opens of the same share and `path` do; opens whose
  /// `path` was not told have that of the file. Refused opens end nothing.
  std::optional<app_instance> instance;
};

/// A name of a file that is to go (MS-FSA 2.1.5.15.3): that through which the deletion was asked
/// for, as it is now. A file with several hard links keeps its others.
struct deleted_name {
  std::string root; ///< `open_request::root`, or the share.
  std::string path;

  friend bool operator==(const deleted_name&, const deleted_name&) = default;
};

/// What `async_open` granted; the members of `open_granted`, and the hold of an overwriting open.
struct open_result {
  open_id open{};
  oplock_level oplock = oplock_level::none;
  lease_key key;
  lease_state state = lease_state::none;
  std::uint8_t version = 0;
  std::uint16_t epoch = 0;
  bool break_in_progress = false;
  std::optional<lease_key> parent_key;
  bool durable = false; ///< It will be kept when its connection goes.
  bool persistent = false;
  leasebreak::hold hold; ///< Overwriting: release it when the file is truncated.
  pending_answer answer; ///< Keep it until the answer to the client is queued.
  /// Also with an error: it waited for others. Look up again what the name means, under an entry
  /// guard, and begin anew if that is another file, or none.
  bool waited = false;
};

/// Arguments of `async_close`.
struct close_request {
  close_request() = default;
  close_request(file_name_id f, open_id o, bool keep = false, bool spares_file = false)
    : file(std::move(f)), open(o), keep_if_durable(keep), keep_file(spares_file) {}

  file_name_id file;
  open_id open{};
  bool keep_if_durable = false; ///< Its connection or session ended: a durable open is kept.
  bool keep_file = false; ///< Its delete-on-close does not count; see `close_open`.
};

/// What `async_close` led to.
struct close_result {
  bool kept = false; ///< The open is durable, and stays without a connection.
  bool delete_file = false; ///< Delete the file now, then release the hold.
  leasebreak::hold hold;
  /// With `delete_file`: for the `access_request` that tells the directory of the deletion. Given
  /// only if the opens that asked for it and the one that carries it out have the same
  /// ParentLeaseKey.
  std::optional<lease_key> parent_key;
  /// With `delete_file`: which names go. Empty if their opens had no path: then the one through
  /// which the last open was made.
  std::vector<deleted_name> names;
};

/// Arguments of `async_reconnect`; see `reconnect_open`.
struct reconnect_request {
  reconnect_request() = default;
  reconnect_request(file_name_id f, open_id o, const client_guid& c,
    connection_id on = connection_id::none, std::optional<lease_key> k = {},
    std::optional<create_guid> g = {}, session_id in = session_id::none, tree_id t = tree_id::none)
    : file(std::move(f)), open(o), client(c), connection(on), key(k), guid(g), session(in),
      tree(t) {}

  file_name_id file;
  open_id open{};
  client_guid client; ///< A registered client.
  connection_id connection{};
  std::optional<lease_key> key;
  std::optional<create_guid> guid;
  session_id session{}; ///< As in `open_request`.
  tree_id tree{};
};

/// Arguments of `async_replay`; see `replay_open`.
struct replay_request {
  replay_request() = default;
  replay_request(file_name_id f, open_id o, const client_guid& c,
    std::optional<lease_request> l = {}, oplock_level level = oplock_level::none,
    connection_id on = connection_id::none)
    : file(std::move(f)), open(o), client(c), lease(l), oplock(level), connection(on) {}

  file_name_id file;
  open_id open{};
  client_guid client;
  std::optional<lease_request> lease;
  oplock_level oplock = oplock_level::none;
  connection_id connection{}; ///< On which it came, and where the open's breaks go from now on.
};

/// Arguments of `async_set_server_state`; see `set_server_state`.
struct server_state_request {
  server_state_request() = default;
  server_state_request(file_name_id f, open_id o, std::string state)
    : file(std::move(f)), open(o), server_state(std::move(state)) {}

  file_name_id file;
  open_id open{};
  std::string server_state;
};

/// Arguments of `async_make_resilient`; see `make_resilient`.
struct resilience_request {
  resilience_request() = default;
  resilience_request(file_name_id f, open_id o, duration time)
    : file(std::move(f)), open(o), timeout(time) {}

  file_name_id file;
  open_id open{};
  duration timeout{}; ///< Without a connection: more than zero, at most `limits::resilience_max`.
};

/// Arguments of `async_lock`; see `lock_ranges`.
struct lock_request {
  lock_request() = default;
  lock_request(file_name_id f, open_id o, std::vector<lock_element> e, bool at_once = true,
    std::optional<lock_sequence> s = {}, std::uint64_t allocated = unknown_allocation,
    connection_id on = connection_id::none)
    : file(std::move(f)), open(o), elements(std::move(e)), fail_immediately(at_once), sequence(s),
      allocation_size(allocated), connection(on) {}

  file_name_id file;
  open_id open{};
  std::vector<lock_element> elements;
  bool fail_immediately = true;
  std::optional<lock_sequence> sequence{};
  std::uint64_t allocation_size = unknown_allocation; ///< See `lock_ranges`.
  /// On which it came: losing it ends the wait. None: it waits as long as its open is there.
  connection_id connection{};
};

/// Arguments of `async_unlock`; see `unlock_ranges`.
struct unlock_request {
  unlock_request() = default;
  unlock_request(
    file_name_id f, open_id o, std::vector<byte_range> r, std::optional<lock_sequence> s = {})
    : file(std::move(f)), open(o), ranges(std::move(r)), sequence(s) {}

  file_name_id file;
  open_id open{};
  std::vector<byte_range> ranges;
  std::optional<lock_sequence> sequence{};
};

/// Arguments of `async_acknowledge` for a lease.
struct lease_acknowledgement {
  client_guid client;
  lease_key key;
  lease_state state = lease_state::none;
};

/// Arguments of `async_acknowledge` for an oplock.
struct oplock_acknowledgement {
  oplock_acknowledgement() = default;
  oplock_acknowledgement(
    file_name_id f, const client_guid& c, open_id o, oplock_level l = oplock_level::none)
    : file(std::move(f)), client(c), open(o), level(l) {}

  file_name_id file;
  client_guid client;
  open_id open{};
  oplock_level level = oplock_level::none;
};

/// Arguments of `async_access`; see `access_file` and `access_kind`.
struct access_request {
  access_request() = default;
  access_request(file_name_id f, access_kind k, open_id o = open_id::none,
    const client_guid& c = {}, std::optional<lease_key> parent = {},
    connection_id on = connection_id::none, session_id in = session_id::none,
    tree_id t = tree_id::none)
    : file(std::move(f)), kind(k), open(o), client(c), parent_key(parent), connection(on),
      session(in), tree(t) {}

  file_name_id file;
  access_kind kind = access_kind::read;
  open_id open{};
  /// Who does it. A change of a directory breaks his own lease of that, too, unless `parent_key` is
  /// its key; he hears of that behind `access_result::answer`.
  client_guid client;
  std::optional<lease_key> parent_key;
  /// On which it came: losing it ends the wait. None, and no `open`: nothing but the end of all the
  /// client's connections does.
  connection_id connection{};
  session_id session{}; ///< In which it came; its end, or that of the tree, ends the wait.
  tree_id tree{};
};

/// What `async_access` gives.
struct access_result {
  leasebreak::hold hold; ///< Not empty: release it when the change is made.
  /// Of a change of a directory (`access_kind::change_children`) that breaks a lease of the
  /// client's own: keep it until the answer to the client is queued, which comes first.
  pending_answer answer;
};

/// Arguments of `async_guard_entry`.
struct entry_guard_request {
  entry_guard_request() = default;
  entry_guard_request(file_name_id d, std::string entry, std::string second = {})
    : directory(std::move(d)), name(std::move(entry)), also(std::move(second)) {}

  file_name_id directory;
  /// The entry's name, in the form in which the file system compares names. Empty: the directory as
  /// a whole, to ask whether it is empty.
  std::string name;
  /// A second name in the same directory, for a rename. Guards of two directories are taken one
  /// after the other, that of the lesser file id first: then two renames never wait for each other.
  std::string also;
};

/// Arguments of `async_rename_tree`.
struct rename_tree_request {
  rename_tree_request() = default;
  rename_tree_request(std::string r, std::string path, file_name_id id, const client_guid& c = {})
    : root(std::move(r)), from(std::move(path)), directory(std::move(id)), client(c) {}

  std::string root; ///< As in `open_request`; not empty.
  std::string from; ///< The directory's path; not empty.
  file_name_id directory; ///< The directory's id.
  client_guid client; ///< Who renames; zero for somebody who is no SMB client.
};

/// Arguments of `async_check_io`: whether byte-range locks allow a read or write.
struct io_request {
  io_request() = default;
  io_request(file_name_id f, open_id o, const byte_range& r, bool writes = false)
    : file(std::move(f)), open(o), range(r), is_write(writes) {}

  file_name_id file;
  open_id open{};
  byte_range range;
  bool is_write = false;
};

/// Arguments of `async_query_file`.
struct file_query {
  file_query() = default;
  explicit file_query(file_name_id f) : file(std::move(f)) {}

  file_name_id file;
};

/// What `async_query_file` tells of a file.
struct file_facts {
  bool delete_pending = false; ///< It is to be deleted with its last open.
};

/// Arguments of `async_disconnect`.
struct disconnect_request {
  client_guid client;
  std::optional<connection_id> connection; ///< Not given: all connections.
};

/// Arguments of `async_end_session`.
struct end_session_request {
  client_guid client;
  session_id session{};
};

/// Arguments of `async_end_tree`.
struct end_tree_request {
  client_guid client;
  session_id session{};
  tree_id tree{};
};

/// A file whose last open ended while it was to be deleted.
struct file_to_delete {
  file_name_id file;
  leasebreak::hold hold; ///< Release it when the file is deleted.
  std::optional<lease_key> parent_key; ///< As in `close_result`.
  std::vector<deleted_name> names; ///< As in `close_result`.
};

/// What `async_disconnect`, `async_end_session` and `async_end_tree` led to.
struct disconnect_result {
  std::size_t opens = 0; ///< How many opens ended.
  std::vector<open_id> kept; ///< Durable ones that stay without a connection, in no order.
  std::vector<file_to_delete> to_delete;
};

/// Arguments of `async_force_break`; see `force_break`.
struct force_break_request {
  force_break_request() = default;
  force_break_request(file_name_id f, std::optional<client_guid> c, std::optional<lease_key> k = {},
    lease_state left = lease_state::none)
    : file(std::move(f)), client(c), key(k), keep(left) {}

  file_name_id file;
  std::optional<client_guid> client;
  std::optional<lease_key> key;
  lease_state keep = lease_state::none;
};

/// Arguments of `async_reclaim_lock`; see `reclaim_lock`.
struct reclaim_lock_request {
  reclaim_lock_request() = default;
  reclaim_lock_request(file_name_id f, open_id o, std::string record, const lock_element& e = {})
    : file(std::move(f)), open(o), record_id(std::move(record)), element(e) {}

  file_name_id file;
  open_id open{}; ///< An open of the client that held the lock before the restart.
  std::string record_id; ///< The record's id; or empty, with `element`.
  lock_element element;
};

/// A persistent open that a restart found. It waits for its client, as one that has just lost its
/// connection.
struct recovered_open {
  file_name_id file;
  open_id open{};
  client_guid client;
  std::string share;
  std::uint32_t access = 0;
  std::uint32_t share_access = 0;
  bool delete_on_close = false;
  create_guid guid; ///< Zero: version 1.
  std::optional<lease_key> key; ///< Of its lease.
  duration timeout{}; ///< For how long it is kept without a connection.
  std::string server_state; ///< `durable_request::server_state`.
};

/// What `async_start` found.
struct start_result {
  bool clean = true; ///< The last stop was in order and not in a grace period, or there was none.
  std::uint64_t server_epoch = 0;
  std::size_t recovered = 0; ///< Records of what was held.
  std::vector<record_error>
    malformed; ///< Records that were left alone because they cannot be read.
  /// Persistent opens. Close those that mean nothing to the server any more.
  std::vector<recovered_open> opens;
  bool in_grace = false;
};

/// An open has ended without its client's doing: a durable one that had no connection, or one whose
/// application has moved to another client, with a connection or without.
struct open_lost {
  file_name_id file;
  open_id open{};
  client_guid client;
  end_cause cause{}; ///< `expired`, `purged` or `superseded`.
  leasebreak::hold hold; ///< Not empty: delete the file now, then release it.
  std::optional<lease_key> parent_key; ///< With `hold`, as in `close_result`.
  std::vector<deleted_name> names; ///< With `hold`, as in `close_result`.
};

/// How a break sink tells what became of a notification. Copyable; may be used from any thread.
/// Lifetime: may be used and destroyed at any time, also after the client is unregistered or the
/// coordinator destroyed, when it does nothing; it keeps some memory of its file alive, and nothing
/// of the server's. Only the first call counts. Never called: taken as sent.
class break_report {
public:
  break_report() = default;
  break_report(
    std::shared_ptr<detail::file_link> link, break_id id, std::uint32_t offer = 0) noexcept;

  /// The notification could not be sent on any of its channels: the break ends at once, unless it
  /// is of a persistent open, whose client is told again when it is back (MS-SMB2 3.3.4.7). Without
  /// effect once the same break has been offered again.
  void undeliverable() const;

private:
  std::shared_ptr<detail::file_link> link_;
  break_id id_{};
  std::uint32_t offer_ = 0;
};

/// Takes a client's break notifications, in the order in which the state changed; `file` is the
/// file's id. `notification.channels` says where to send it, the best first; if it cannot be sent
/// on any of them, say so with `report`. If the connection ends on which it was sent, and there is
/// another, the same break comes once more. Called on the client's executor, one call at a time,
/// never from within a call to the coordinator. Must not throw.
///
/// Lifetime: three calls end a sink: `unregister_client` and `replace_sink`, if they succeed, and
/// the coordinator's destructor. When one of them has returned, the sink runs on no other thread,
/// is not called again, and is destroyed with all that it has captured. If the sink itself has
/// called it, its call goes on, and the sink is destroyed when that returns. A sink may therefore
/// refer to the coordinator. The executor must exist as long as the sink; its queue may hold a call
/// that is dropped then.
using break_sink = std::function<void(
  const break_notification& notification, const file_name_id& file, break_report report)>;

} // namespace leasebreak
