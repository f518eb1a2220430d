// The commands that drive a file's state machine. Each is a plain value; times come with the call.
#pragma once

#include <leasebreak/model/access.hpp>
#include <leasebreak/model/byte_range.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>
#include <leasebreak/model/persisted_lock.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace leasebreak {

/// The lease that an open asks for: the create contexts of MS-SMB2 2.2.13.2.8 and 2.2.13.2.10.
struct lease_request {
  lease_key key; ///< Must not be zero.
  lease_state state = lease_state::none; ///< What is wanted; any combination of bits.
  std::uint8_t version = 2; ///< 1 or 2, by the context.
  std::uint16_t epoch = 0; ///< V2: the client's epoch, from which a new lease counts.
  std::optional<lease_key> parent_key; ///< V2: given only if the context's flag says so.
};

/// Asks that an open outlive its connection (MS-SMB2 2.2.13.2.3, 2.2.13.2.11).
struct durable_request {
  duration timeout{}; ///< Its time without a connection: more than zero, at most a year.
  bool persistent = false; ///< Kept whatever it caches (MS-SMB2 3.3.1.10 IsPersistent).
  create_guid guid; ///< Version 2: to be given again to reconnect.
  /// Persistent: the server's own bytes, such as user and path; it gets them back after a restart.
  std::string server_state{};
};

/// How often an application has been started: MS-SMB2 2.2.13.2.15. The high part counts first.
struct app_instance_version {
  std::uint64_t high = 0; ///< AppInstanceVersionHigh
  std::uint64_t low = 0; ///< AppInstanceVersionLow

  friend auto operator<=>(const app_instance_version&, const app_instance_version&) = default;
};

/// An application that opens a file, and may have opened it before on another client, which it has
/// left since, as with a failover (MS-SMB2 2.2.13.2.13).
struct app_instance {
  app_instance_id id; ///< Must not be zero.
  std::optional<app_instance_version> version; ///< If it has one.

  friend bool operator==(const app_instance&, const app_instance&) = default;
};

/// A file's AllocationSize that is not known: every byte-range lock counts.
inline constexpr std::uint64_t unknown_allocation = ~std::uint64_t{0};

/// Opens the file (MS-FSA 2.1.5.1.2, MS-SMB2 3.3.5.9). Waits where a break must end first.
struct open_file {
  operation_id operation{};
  open_id open{}; ///< The new open; unique.
  client_guid client; ///< Whose; zero for somebody who is no SMB client.
  connection_id connection{}; ///< On which connection.
  std::string share; ///< The share's name, for records and listings.
  std::uint32_t access = 0; ///< Granted access, without generic bits.
  std::uint32_t share_access = share::all;
  bool overwrites = false; ///< The disposition truncates a file that exists.
  bool created = false; ///< This open has just created the file.
  bool is_directory = false;
  bool delete_on_close = false;
  std::optional<lease_request> lease; ///< Given: `oplock` is ignored.
  oplock_level oplock = oplock_level::none;
  lease_state caching_max = lease_state::rwh; ///< What the share allows to be cached at most.
  std::optional<durable_request> durable; ///< Given: keep it when its connection goes.
  bool reclaim = false; ///< Only if a record of this lease was recovered.
  /// Stands for an open of one of the file's named streams, which is a file of its own here: it
  /// keeps the file, and denies its deletion unless it shares that, but nothing else. With access
  /// to attributes alone.
  bool of_stream = false;
  /// The file's AllocationSize now. Byte-range locks at or beyond it do not limit what is granted,
  /// except in the file's first 4096 bytes.
  std::uint64_t allocation_size = unknown_allocation;
  /// The client is told of the result later: `answer_sent` says when. Until then it hears of no
  /// break of what is granted here.
  bool answer_follows = false;
  session_id session{}; ///< In which session; none: the open ends with its connection.
  tree_id tree{}; ///< Of which tree connect of the session.
  bool has_waited = false; ///< It waited before it came here; see `open_granted::waited`.
  /// The application that opens it (MS-SMB2 3.3.5.9.13): what this one has opened on
  /// other clients, through the same share and under the same name, ends when this open goes on or
  /// waits. `errc::newer_instance`, and nothing ends, if one of these has a version that is not
  /// below this one's.
  std::optional<app_instance> instance;
  /// With `instance`: the file's opens that are known to be under another name.
  std::vector<open_id> elsewhere;
};

/// Whether the client can send the CREATE again on another channel (MS-SMB2 3.3.5.9.10). Then it
/// goes on when its connection is lost; of any other, nobody would hear the answer.
[[nodiscard]] inline bool can_come_again(const open_file& c) noexcept {
  return c.durable && !c.durable->guid.is_zero();
}

/// The answer that tells a client what an open may cache, or that a change of a directory is made,
/// is on its way, behind all that was sent to it before; or it will never be sent.
struct answer_sent {
  open_id open{}; ///< None: of a change.
  std::uint32_t answer = 0; ///< `open_granted::answer` or `access_granted::answer`.
};

/// Closes an open: its locks and, if it is the lease's last open, its lease go with it. That is a
/// full answer to a break. Waits only if it carries out a delete-on-close while others cache
/// handles.
struct close_open {
  operation_id operation{};
  open_id open{};
  bool keep_if_durable = false; ///< Its connection or session ended: a durable open is kept.
  /// Its delete-on-close does not count: the open is taken back, or is of a directory that is not
  /// empty (MS-FSA 2.1.5.5). A deletion that is pending already stays.
  bool keep_file = false;
};

/// A client has a durable open back, on a new connection (MS-SMB2 3.3.5.9.7, 3.3.5.9.12).
struct reconnect_open {
  operation_id operation{};
  open_id open{};
  client_guid client;
  connection_id connection{};
  std::optional<lease_key> key; ///< From the request's lease context, if it has one.
  std::optional<create_guid> guid; ///< Version 2 of the reconnect context; not given: version 1.
  bool answer_follows = false; ///< As in `open_file`.
  session_id session{}; ///< As in `open_file`.
  tree_id tree{};
};

/// A client sends a CREATE again, as it has not seen the answer (MS-SMB2 3.3.5.9.10): it is told
/// what its open has by now. The open is on the replay's connection from then on; nothing else
/// changes.
struct replay_open {
  operation_id operation{};
  open_id open{}; ///< What the first one opened; the server finds it by the CreateGuid.
  client_guid client;
  std::optional<lease_request> lease; ///< Asked for this time: only key and parent key count.
  oplock_level oplock = oplock_level::none; ///< Asked for this time, without a lease.
  bool answer_follows = false; ///< As in `open_file`.
  connection_id connection{}; ///< On which connection it came; none: the open stays where it is.
};

/// Makes an open resilient (MS-SMB2 3.3.5.15.9): without a connection it is kept for some time
/// whatever it caches, with its locks, and gives way to nobody. What it caches goes when somebody
/// is in its way, since there is nobody who could be told. Not stored: a restart ends it. An open
/// that is durable or persistent stays that as well.
struct make_resilient {
  operation_id operation{};
  open_id open{};
  duration
    timeout{}; ///< More than zero, at most `limits::resilience_max`; replaces an earlier one.
};

/// Replaces what the server keeps with a persistent open (`durable_request::server_state`).
struct set_server_state {
  operation_id operation{};
  open_id open{};
  std::string server_state;
};

/// One element of a lock request (MS-SMB2 2.2.26.1).
struct lock_element {
  byte_range range;
  bool exclusive = false;
  /// False: the server found it malformed, such as by its flags. The request fails with
  /// `errc::invalid_argument`, unless one of the elements before it fails with something else.
  bool well_formed = true;
};

/// The number that a client gives a lock or unlock request, so that one which it sends once more on
/// another connection is not done twice (MS-SMB2 2.2.26, 3.3.5.14).
struct lock_sequence {
  std::uint32_t index = 0; ///< LockSequenceIndex: 1 to 64; with any other nothing is numbered.
  std::uint8_t number = 0; ///< LockSequenceNumber: 0 to 15; any other is never the same again.
};

/// Takes byte-range locks, all or none (MS-FSA 2.1.5.8, MS-SMB2 3.3.5.14.2). Of several elements
/// that cannot be done, the first says why.
struct lock_ranges {
  operation_id operation{};
  open_id open{};
  std::vector<lock_element> elements; ///< One at least.
  bool fail_immediately = true; ///< False, with one element: wait until it is free.
  std::optional<lock_sequence> sequence{}; ///< Given: not done if the open's last was the same.
  /// The file's AllocationSize now. Elements at or beyond it break nothing, except in the
  /// file's first 4096 bytes.
  std::uint64_t allocation_size = unknown_allocation;
  /// On which connection it came: losing it ends the wait. None: the wait goes on as the open does.
  connection_id connection{};
};

/// Releases byte-range locks, in order, up to the first that is not held (MS-SMB2 3.3.5.14.1).
struct unlock_ranges {
  operation_id operation{};
  open_id open{};
  std::vector<byte_range> ranges; ///< One at least.
  std::optional<lock_sequence> sequence{}; ///< As in `lock_ranges`.
};

/// Gives up an operation that waits. The break that it caused goes on.
struct cancel_operation {
  operation_id target{};
};

/// A client acknowledges a lease break (MS-SMB2 3.3.5.22.2).
struct acknowledge_lease {
  operation_id operation{};
  client_guid client;
  lease_key key;
  lease_state state = lease_state::none;
};

/// A client acknowledges an oplock break (MS-SMB2 3.3.5.22.1). A level that cannot be left of the
/// oplock ends the break with none, and is answered with an error.
struct acknowledge_oplock {
  operation_id operation{};
  client_guid client;
  open_id open{};
  oplock_level level = oplock_level::none;
};

/// What somebody is about to do to a file, or has done to a directory.
enum class access_kind : std::uint8_t {
  read, ///< Data is read, by somebody without an open of ours.
  write, ///< Data, end of file, allocation or zeroes are written.
  rename, ///< This file or directory gets another name.
  link, ///< This file gets one more name, or another short name.
  set_security, ///< This file's or directory's security descriptor is set.
  replace, ///< Another file is renamed onto this one.
  rename_ancestor, ///< A directory above this file gets another name.
  /// The names of all that is beneath this directory are about to change. While its hold lives,
  /// `enter_tree` waits.
  rename_tree,
  enter_tree, ///< Something beneath this directory is opened by its path.
  rename_into, ///< Something is renamed into, or within, this directory.
  /// The delete disposition of a directory is about to be set: breaks what `set_delete` breaks.
  /// While its hold lives, `set_delete` waits for nobody.
  prepare_delete,
  set_delete, ///< The delete disposition is set.
  clear_delete, ///< The delete disposition is taken back.
  unlink, ///< The name is removed, by somebody without an open of ours.
  /// The file is removed or replaced if nobody has it open: breaks nothing, waits for nobody, and
  /// is refused with `errc::access_denied` otherwise. Newcomers wait for the end of its hold.
  remove_unopened,
  change_children, ///< What a listing of this directory shows has changed.
};

/// Announces an access, so that caches in its way are broken (MS-FSA 2.1.4.12). Waits where the
/// rules say so. Kinds that change the file leave a hold behind, during which nobody is granted
/// caching that the change would make stale: the caller ends it with `end_hold` once the change is
/// made.
struct access_file {
  operation_id operation{};
  access_kind kind = access_kind::read;
  open_id open{}; ///< The open that does it; `none`: no open, or not of this file.
  client_guid client; ///< Who does it; zero for somebody who is no SMB client.
  std::optional<lease_key>
    parent_key; ///< change_children: the actor's ParentLeaseKey, if it has one.
  /// On which connection it came: losing it ends the wait. None: the wait goes on as `open` does.
  connection_id connection{};
  session_id session{}; ///< In which session, whose end ends the wait too.
  tree_id tree{};
  /// enter_tree: of an open that can come again on another channel of the session, so that the wait
  /// goes on when its connection is lost.
  bool can_come_again = false;
  /// change_children: `client` is told later that the change is made; `answer_sent` says when.
  /// Until then it hears of no break of its own leases that this is the cause of, unless somebody
  /// else needs that break as well.
  bool answer_follows = false;
};

/// The change that an access or an overwriting open announced is made, or was given up.
struct end_hold {
  hold_id hold{};
};

/// The break notification could not be sent on any connection (MS-SMB2 3.3.4.7).
struct break_undeliverable {
  break_id id{};
  std::uint32_t offer = 0; ///< `break_notification::offer`.
};

/// A client's connection is gone, or all its connections (MS-SMB2 3.3.7.1); or a session of it has
/// ended, or a tree connect of a session (MS-SMB2 3.3.5.6, 3.3.5.8). Its opens end all at once,
/// leases before the breaks that a deletion needs, and nobody waits for these.
struct client_gone {
  operation_id operation{};
  client_guid client;
  std::optional<connection_id> connection; ///< Given: only this connection is lost.
  /// With `connection`: the sessions that have another channel, and which. Their opens stay, and
  /// are on that one from now on.
  std::vector<channel_id> heirs{};
  session_id session{}; ///< Given: this session has ended, on all its connections.
  tree_id tree{}; ///< Given: only this tree connect of it. Nothing of it is kept as durable.
};

/// An operator breaks leases and oplocks, as if somebody needed the file. Waits until they are
/// down.
struct force_break {
  operation_id operation{};
  std::optional<client_guid> client; ///< Only this client's.
  std::optional<lease_key> key; ///< Only leases with this key.
  lease_state keep = lease_state::none; ///< What the holders may keep.
};

/// After a restart: a record of what was held before (see `grace_ended`). The records of leases and
/// oplocks come first, then those of opens, then those of byte-range locks.
struct load_record {
  persisted_lock record;
};

/// The holder of a recovered byte-range lock takes it back for an open that it has reclaimed.
struct reclaim_lock {
  operation_id operation{};
  open_id open{}; ///< An open of the same client.
  std::string record_id; ///< The record's id, from a listing; or empty, with `element`.
  lock_element element;
};

/// The grace period is over: what nobody reclaimed is given up.
struct grace_ended {};

/// The time that `next_deadline` gave has come.
struct deadline_reached {};

/// Everything ends: what waits completes with `errc::shutting_down`, nothing else changes.
struct stop_waiting {};

/// The first is one that costs nothing to make, for a command that is not decided on yet.
using command = std::variant<stop_waiting, open_file, close_open, reconnect_open, lock_ranges,
  unlock_ranges, cancel_operation, acknowledge_lease, acknowledge_oplock, access_file, end_hold,
  break_undeliverable, client_gone, force_break, load_record, reclaim_lock, grace_ended,
  deadline_reached, set_server_state, replay_open, answer_sent, make_resilient>;

} // namespace leasebreak
