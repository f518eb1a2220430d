// A small language for tests of `file_state`: clients, opens, and expectations.
//
// A `world` is one file with everything that uses it. Each step checks the general rules: the
// invariants of the file, cache coherence, that every operation completes exactly once, that an
// error changed nothing, and that the stored records match what is held. A break notification that
// a test does not expect fails the test at the next step. At its end, a world lets all deadlines
// pass and closes everything, and then nothing may be left.
#pragma once

#include "copies.hpp"

#include <leasebreak/model/file_state.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::model_test {

using enum lease_state;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// One connection of a client, with or without a session.
struct client {
  client_guid guid;
  connection_id connection{};
  session_id session{};
  tree_id tree{};

  [[nodiscard]] channel_id channel() const { return {connection, session}; }
};

inline const client alice{client_guid::of(0xA), connection_id{1}};
inline const client alice_again{
  client_guid::of(0xA), connection_id{11}}; ///< Another connection of the same client.
inline const client bob{client_guid::of(0xB), connection_id{2}};
inline const client carol{client_guid::of(0xC), connection_id{3}};
inline const client nobody{}; ///< Not an SMB client: a local process, or another protocol.

inline constexpr lease_key k1 = lease_key::of(1);
inline constexpr lease_key k2 = lease_key::of(2);
inline constexpr lease_key k3 = lease_key::of(3);
inline constexpr lease_key k4 = lease_key::of(4);

inline const std::vector<lease_state> file_states{none, r, rh, rw, rwh};
/// Every combination of bits in a request.
inline const std::vector<lease_state> all_requests{
  none, r, handle, rh, write, rw, write | handle, rwh};
inline const std::vector<oplock_level> oplocks{
  oplock_level::level_ii, oplock_level::exclusive, oplock_level::batch};

/// The rights of an open for attributes only, which breaks nothing.
inline constexpr std::uint32_t attributes_alone =
  access::read_attributes | access::write_attributes | access::synchronize;

/// A policy with records, for a server with the epoch 7.
[[nodiscard]] inline file_policy keeping_records() {
  file_policy policy;
  policy.keep_records = true;
  policy.server_epoch = 7;
  return policy;
}

/// The line of a test that calls a step. With libstdc++, clang has `std::source_location` from
/// version 15 on.
struct where_t {
  const char* file = "";
  int line = 0;

  [[nodiscard]] static constexpr where_t current(
    const char* file = __builtin_FILE(), int line = __builtin_LINE()) noexcept {
    return {file, line};
  }
};

/// An open to be requested: `by(alice).lease(k1, rwh).shares(share::read)`. The default is full
/// access, everything shared, and no caching.
class opening {
public:
  explicit opening(const client& who);

  opening& lease(const lease_key& key, lease_state state, std::uint16_t epoch = 0);
  opening& lease_v1(const lease_key& key, lease_state state);
  opening& parent(const lease_key& key);
  opening& oplock(oplock_level level);
  opening& access(std::uint32_t mask);
  opening& shares(std::uint32_t mask);
  opening& overwriting();
  opening& creating();
  opening& directory();
  opening& deleting_on_close();
  /// Stands for an open of a stream with this share access; `id` is the id of the stream's file.
  opening& of_stream(std::uint32_t shares, const std::string& id = {});
  opening& reclaiming();
  opening& durable(duration timeout = seconds{60}, const create_guid& guid = {});
  opening& persistent(duration timeout = seconds{60}, const create_guid& guid = {});
  /// The open of an application that may move to another client.
  opening& instance(
    const app_instance_id& id, std::optional<app_instance_version> version = std::nullopt);
  /// `other` is known to be under another name.
  opening& elsewhere(open_id other);
  opening& share(const std::string& name);
  opening& at_most(lease_state state);
  /// Sets the AllocationSize of the file.
  opening& allocated(std::uint64_t size);
  /// The response to the client follows later, with `answer`.
  opening& answered_later();

  open_file request;
};

[[nodiscard]] opening by(const client& who);

/// A started operation, with its open if it has one.
struct attempt {
  operation_id operation{};
  open_id open{};
};

/// One file, its users and the time.
class world {
public:
  world() : world(file_policy{}) {}
  explicit world(const file_policy& policy);
  virtual ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  // -- commands ----------------------------------------------------------------------------------

  attempt open(const opening& how, where_t where = where_t::current());
  attempt close(const attempt& open, where_t where = where_t::current());
  /// The open's connection or session ended: a durable open is kept.
  attempt drop(const attempt& open, where_t where = where_t::current());
  /// Ignores the open's delete-on-close.
  attempt close_keeping(const attempt& open, where_t where = where_t::current());
  attempt reconnect(const client& who, const attempt& open,
    std::optional<lease_key> key = std::nullopt, std::optional<create_guid> guid = std::nullopt,
    where_t where = where_t::current());
  /// Replays the CREATE of the open with the requests in `again`.
  attempt replay(const attempt& open, const opening& again, where_t where = where_t::current());
  attempt lock(const attempt& open, std::vector<lock_element> elements,
    bool fail_immediately = true, where_t where = where_t::current());
  attempt lock(
    const attempt& open, byte_range range, bool exclusive, where_t where = where_t::current());
  /// Takes a lock, with the AllocationSize of the file.
  attempt lock_of_allocated(std::uint64_t size, const attempt& open, byte_range range,
    bool exclusive, bool fail_immediately = true, where_t where = where_t::current());
  /// Waits until the range is free.
  attempt blocking_lock(
    const attempt& open, byte_range range, bool exclusive, where_t where = where_t::current());
  /// Takes an exclusive lock with a lock sequence number.
  attempt lock(const attempt& open, byte_range range, const lock_sequence& sequence,
    bool fail_immediately = true, where_t where = where_t::current());
  attempt unlock(const attempt& open, byte_range range, const lock_sequence& sequence,
    where_t where = where_t::current());
  attempt unlock(
    const attempt& open, std::vector<byte_range> ranges, where_t where = where_t::current());
  attempt acknowledge(
    const client& who, const lease_key& key, lease_state state, where_t where = where_t::current());
  attempt acknowledge_oplock(
    const client& who, const attempt& open, oplock_level level, where_t where = where_t::current());
  /// An access through an open.
  attempt access(
    const client& who, access_kind kind, const attempt& open, where_t where = where_t::current());
  /// An access with or without an open, on the client's connection and in its session.
  attempt access_on(
    const client& who, access_kind kind, const attempt& open, where_t where = where_t::current());
  /// A lock that waits, requested on the client's connection.
  attempt lock_on(
    const client& who, const attempt& open, byte_range range, where_t where = where_t::current());
  /// An access without an open, by an SMB client or by `nobody`.
  attempt access(const client& who, access_kind kind,
    std::optional<lease_key> parent_key = std::nullopt, where_t where = where_t::current());
  /// A change of the directory's content, whose response follows with `answer`.
  attempt change_answered_later(const client& who,
    std::optional<lease_key> parent_key = std::nullopt, where_t where = where_t::current());
  attempt disconnect(const client& who, where_t where = where_t::current());
  /// Loses the connection only; its sessions continue on these channels.
  attempt disconnect_connection(const client& who, where_t where = where_t::current());
  attempt disconnect_connection(
    const client& who, const std::vector<channel_id>& heirs, where_t where = where_t::current());
  attempt end_session(const client& who, where_t where = where_t::current());
  attempt end_tree(const client& who, where_t where = where_t::current());
  /// All connections of the client to this node are lost.
  attempt disconnect_from(const client& who, node_id node, where_t where = where_t::current());
  attempt fail_node(node_id node, where_t where = where_t::current());
  attempt force(const force_break& how, where_t where = where_t::current());
  attempt set_state(
    const attempt& open, const std::string& state, where_t where = where_t::current());
  attempt resilient(
    const attempt& open, duration timeout = seconds{120}, where_t where = where_t::current());
  attempt reclaim(const attempt& open, const std::string& record, byte_range range, bool exclusive,
    where_t where = where_t::current());
  /// The response to the grant or the change was sent.
  void answer(const attempt& granted, where_t where = where_t::current());
  void answer(const open_granted& granted, where_t where = where_t::current());
  void cancel(const attempt& waiting, where_t where = where_t::current());
  /// The open of the stream for which this one stands is granted, or has ended.
  void stream_opened(const attempt& stand_in, where_t where = where_t::current());
  void stream_closed(const attempt& stand_in, where_t where = where_t::current());
  /// All streams that were asked have answered.
  void streams_answered(
    const streams_asked& asked, errc error = errc::success, where_t where = where_t::current());
  void end(hold_id hold, where_t where = where_t::current());
  void undeliverable(break_id id, std::uint32_t offer = 0, where_t where = where_t::current());
  void load(const persisted_lock& record, where_t where = where_t::current());
  void end_grace(where_t where = where_t::current());
  /// Advances the time; deadlines are reported to the file exactly when they are due.
  void pass(duration time, where_t where = where_t::current());

  /// A write through an open, which must not wait; it is done when this returns.
  void write_data(const client& who, const attempt& open, where_t where = where_t::current());

  /// Must come first: continues after a restart of `before`, with its time and ids.
  void continue_after(const world& before);
  /// Loads stored records, in the order that `load_record` requires.
  void load_all(
    const std::map<std::string, persisted_lock>& records, where_t where = where_t::current());

  /// Applies any command; all functions above call this.
  void apply(const command& what, where_t where = where_t::current());

  // -- expectations ------------------------------------------------------------------------------

  void expect_waits(const attempt& a, where_t where = where_t::current());
  void expect_done(const attempt& a, where_t where = where_t::current());
  void expect_error(const attempt& a, errc error, where_t where = where_t::current());
  /// Expects that the open is granted, and its lease or oplock has exactly this state.
  open_granted expect_granted(
    const attempt& a, lease_state state, where_t where = where_t::current());
  open_granted expect_oplock(
    const attempt& a, oplock_level level, where_t where = where_t::current());
  /// Expects that the acknowledgement is accepted and leaves `state`.
  void expect_acknowledged(const attempt& a, lease_state state, where_t where = where_t::current());
  /// Expects a notification for the lease. An acknowledgement must be required exactly if `from`
  /// has Write or Handle.
  break_notification expect_break(
    const lease_key& key, lease_state from, lease_state to, where_t where = where_t::current());
  /// Expects a notification for the oplock, which requires an acknowledgement unless `from` is R.
  break_notification expect_oplock_break(
    const attempt& open, lease_state from, lease_state to, where_t where = where_t::current());
  void expect_no_break(where_t where = where_t::current());
  /// Expects that the step has asked these streams, and no others, for `cause`.
  streams_asked expect_asked(const attempt& cause, access_kind kind,
    const std::vector<std::string>& streams, where_t where = where_t::current());

  // -- queries -----------------------------------------------------------------------------------

  [[nodiscard]] bool waits(const attempt& a) const;
  [[nodiscard]] bool is_done(const attempt& a) const { return error_of(a) == errc::success; }
  /// Returns nothing while the operation waits.
  [[nodiscard]] std::optional<errc> error_of(const attempt& a) const;
  /// Returns the result of the operation; a default value if it has no `Result`.
  template <class Result>
  [[nodiscard]] Result result_of(const attempt& a) const {
    const auto it = operations_.find(a.operation);
    if (it == operations_.end() || !it->second)
      return {};
    const auto* result = std::get_if<Result>(&it->second->result);
    return result != nullptr ? *result : Result{};
  }
  /// Returns the lease as listed; nothing if there is none.
  [[nodiscard]] std::optional<lease_info> lease_of(const client& who, const lease_key& key) const;
  [[nodiscard]] std::optional<lease_info> oplock_of_open(const attempt& open) const;
  [[nodiscard]] lease_state state_of_lease(const client& who, const lease_key& key) const;
  [[nodiscard]] std::vector<listed_entry> listing(entry_kind kind) const;
  /// Removes and returns the notifications that have not been expected yet.
  std::vector<break_notification> take_breaks();
  /// Removes and returns all facts of one kind.
  template <class Fact>
  std::vector<Fact> take_facts() {
    std::vector<Fact> taken;
    std::erase_if(facts_, [&](const fact& f) {
      const auto* wanted = std::get_if<Fact>(&f);
      if (wanted != nullptr)
        taken.push_back(*wanted);
      return wanted != nullptr;
    });
    return taken;
  }
  [[nodiscard]] const std::map<std::string, persisted_lock>& store() const { return store_; }
  [[nodiscard]] time_point now() const { return now_; }
  [[nodiscard]] std::set<open_id> live_opens() const;
  [[nodiscard]] std::vector<open_ended> take_ended() { return std::exchange(ended_, {}); }
  /// Removes and returns the requests to streams.
  [[nodiscard]] std::vector<streams_asked> take_asked() { return std::exchange(asked_, {}); }
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

  /// Lets all deadlines pass, closes everything, and checks that nothing is left. The destructor
  /// calls it if the test has not.
  void finish(where_t where = where_t::current());

  file_policy policy;
  file_state file;

  /// False: holds of accesses and opens are ended at once.
  bool keeps_holds = false;
  /// The responses to `reconnect` follow later, with `answer`.
  bool reconnects_are_answered_later = false;
  /// False: unexpected notifications are ignored.
  bool is_strict_about_breaks = true;
  /// If set, gives the node of each client, on which all of its requests come.
  std::function<node_id(const client_guid&)> nodes;
  /// Called with each command and its effects, before any check.
  std::function<void(const command&, const effects&)> observer;
  /// Copies of the file, which must behave like it.
  std::optional<file_copies> copies{file_copies(1)};
  /// True: problems are collected in `problems` and do not fail the test.
  bool is_quiet = false;

protected:
  /// Reports a problem.
  void fail(where_t where, const std::string& what);

private:
  attempt start(open_id open = open_id::none);
  [[nodiscard]] command through_node(command what) const;
  [[nodiscard]] effects execute(const command& what, where_t where);
  void take(const command& what, effects&& out, where_t where);
  void take_completion(const completion& c, where_t where);
  void take_recovered(const persisted_lock& record, const open_recovered& back, where_t where);
  void note_hold(hold_id hold, const completion& c);
  void check(where_t where);
  void check_coherence(const std::vector<listed_entry>& entries, where_t where);
  void check_holds(const std::vector<listed_entry>& entries, where_t where);
  void check_streams(const std::vector<listed_entry>& entries, where_t where);
  void check_stored_opens(const std::vector<listed_entry>& entries, where_t where);
  void check_store(const std::vector<listed_entry>& entries, where_t where);
  void check_nothing_changed(
    const command& what, const effects& out, const std::vector<std::string>& before, where_t where);
  void check_purged(const command& what, const effects& out, where_t where);
  [[nodiscard]] std::vector<std::string> description() const;
  [[nodiscard]] break_notification take_break(
    const std::function<bool(const break_notification&)>& is_it, const std::string& name,
    where_t where);

  time_point now_ = time_point{} + std::chrono::hours{24 * 365 * 50};
  std::uint64_t last_operation_ = 0;
  std::uint64_t last_open_ = 0;
  std::map<operation_id, std::optional<completion>> operations_;
  std::map<operation_id, command> commands_;
  std::map<open_id, open_file> opens_; ///< All opens that were ever granted.
  std::vector<streams_asked> asked_;
  std::set<open_id> closed_;
  /// Announced changes of data in progress, with their open, if any.
  std::map<hold_id, open_id> data_holds_;
  std::set<hold_id> holds_;
  std::vector<hold_id> holds_to_end_;
  std::vector<break_notification> notifications_;
  std::vector<fact> facts_;
  std::vector<open_ended> ended_;
  std::map<std::string, persisted_lock> store_;
  std::vector<std::string> problems_;
  bool is_finished_ = false;
  bool is_stopped_ = false;
};

/// A test with its own world.
class model_test : public testing::Test, public world {
protected:
  model_test() = default;
  explicit model_test(const file_policy& p) : world(p) {}
};

[[nodiscard]] std::string describe(const listed_entry& entry);
[[nodiscard]] std::string describe(const break_notification& notification);
[[nodiscard]] std::string describe(const command& what);

} // namespace leasebreak::model_test
