// The state of one file and the steps of its state machine. Internal to the model.
//
// Each group of members below has its own source file, which the heading names.
#pragma once

#include "file/deadline_queue.hpp"
#include "file/parts.hpp"
#include "file/share_counts.hpp"
#include "file/wait_list.hpp"
#include "lock_table.hpp"

#include <leasebreak/model/after.hpp>
#include <leasebreak/model/file_state.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace detail {
struct merged_reports;
} // namespace detail

struct LEASEBREAK_HIDDEN file_state::impl {
  using lease_entry = detail::lease_entry;
  using lease_name = detail::lease_name;
  using obstacle = detail::obstacle;
  using awaited_breaks = detail::awaited_breaks;
  using open_entry = detail::open_entry;
  using hold_entry = detail::hold_entry;
  using waiting_operation = detail::waiting_operation;

  impl(const file_policy& p, std::string id, std::uint64_t view = 0, std::uint64_t last = 0)
    : policy(&p), file_id(std::move(id)), last_break(std::max(first_number(view), last)),
      last_hold(last_break), steps(last_break) {}

  /// Returns the number below the first one of a node that owns the file in this view.
  [[nodiscard]] static std::uint64_t first_number(std::uint64_t view) noexcept {
    return view << 40U;
  }

  // -- state

  const file_policy* policy;
  std::string file_id;
  detail::held_counts held_back; ///< Notifications count themselves here.
  /// Ordered by id. If many end at once, the last ends first, so that no element must be moved.
  std::vector<std::unique_ptr<open_entry>> opens;
  std::vector<std::unique_ptr<lease_entry>> leases; ///< Ordered by name.
  detail::lock_table locks;
  bool is_directory = false;
  bool delete_pending = false;
  /// With `delete_pending`: the ParentLeaseKey of the opens that asked for it; zero: none, or
  /// different ones.
  lease_key deletion_key;
  bool may_wait = true; ///< The coordinator's limits allow another pending operation.
  bool waiters_may_go = false; ///< Something was released: evaluate pending operations again.
  bool detached_may_end = false; ///< A disconnected open may have lost its reason to stay.
  /// A delete-on-close open has closed: break Handle caching of the remaining leases, except
  /// `deletion_spares`.
  bool deletion_is_untold = false;
  const lease_entry* deletion_spares = nullptr; ///< May be null.

  /// State that only contended or recovering files have.
  struct contention {
    detail::wait_list waiting;
    std::vector<hold_entry> holds;
    std::vector<detail::recovered_lock> recovered_locks;
    detail::deadline_queue deadlines;
    std::uint32_t choices = 0; ///< Counts choices of obstacles, for a round-robin choice.
  };
  std::unique_ptr<contention> rare;
  std::uint64_t last_break;
  std::uint64_t last_hold;
  std::uint64_t steps; ///< Counts commands: of two reports, the later one has the greater number.
  /// The number of the last directory change whose response follows later.
  std::uint32_t last_change = 0;

  /// Counts that answer frequent questions without a scan of opens and leases.
  struct counts {
    detail::share_counts sharing; ///< Opens that take part in share checks.
    std::uint32_t keeping_write = 0; ///< Opens that prevent others from caching writes.
    std::uint32_t oplocks = 0;
    std::uint32_t detached = 0; ///< Disconnected opens; most do not take part in share checks.
    std::uint32_t persistent = 0;
    std::uint32_t recovered = 0; ///< Leases that wait to be reclaimed.
    std::uint32_t streams = 0; ///< Opens that stand for opens of known streams.
    std::uint32_t breaking = 0;
    std::uint32_t leases_with_handle = 0; ///< Excludes oplocks.
    std::array<std::uint32_t, 8> by_state{}; ///< Leases and oplocks by the bits of their state.

    friend bool operator==(const counts&, const counts&) = default;
  };
  counts count;

  /// The evaluations of an operation: the first, a later one, or the last at its deadline.
  enum class attempt : std::uint8_t { first, again, last };

  /// The breaks that an operation needs. All are planned before the first begins, so that an
  /// operation that fails changes nothing.
  struct break_plan {
    struct step {
      lease_entry* lease;
      lease_state to;
    };
    std::vector<step> steps;
    /// Disconnected leases whose opens are purged, if the operation proceeds.
    std::vector<const lease_entry*> giving_way;
    /// Disconnected leases whose opens stay; they lose all caching.
    std::vector<lease_entry*> let_go;
    break_cause cause{};
    bool wait = false; ///< The operation must wait.
    /// The operation conflicts with a record that may still be reclaimed.
    bool meets_recovered = false;
  };

  // -- entries.cpp: finds, adds and removes entries; maintains the counts

  [[nodiscard]] open_entry* find_open(open_id id) const noexcept;
  /// Returns null if the open is disconnected: no operation may use such an open.
  [[nodiscard]] open_entry* find_connected(open_id id) const noexcept;
  [[nodiscard]] lease_entry* find_lease(const lease_name& name) const noexcept;
  [[nodiscard]] lease_entry* find_lease(const client_guid& c, const lease_key& k) const noexcept;
  open_entry& add_open(std::unique_ptr<open_entry> entry);
  std::unique_ptr<open_entry> take_open(open_id id);
  lease_entry& add_lease(std::unique_ptr<lease_entry> entry);
  std::unique_ptr<lease_entry> take_lease(lease_entry& lease);
  void remove_lease(lease_entry& lease);
  void attach(open_entry& open, lease_entry& lease);
  void detach(open_entry& open);
  /// Requires that there is one.
  [[nodiscard]] open_entry* find_open_of(const lease_entry& lease, open_id from) const;
  void move_open(open_entry& open, const channel_id& to);
  void set_state(lease_entry& lease, lease_state state);
  void set_breaking(lease_entry& lease, bool breaking);
  void note_stranded(const lease_entry& lease);
  [[nodiscard]] bool any_with(lease_state some_of) const noexcept;
  [[nodiscard]] contention& contended();
  void count_open(const open_entry& open, std::uint32_t by);
  void count_lease(const lease_entry& lease, std::uint32_t by);

  // -- open.cpp: share modes, the breaks of an open, delete pending (MS-FSA 2.1.5.1.2)

  [[nodiscard]] errc check_open(const open_file& c) const;
  [[nodiscard]] bool is_pending_deletion() const noexcept;
  [[nodiscard]] bool is_being_deleted() const noexcept;
  [[nodiscard]] bool is_being_deleted(const open_file& c) const noexcept;
  [[nodiscard]] bool is_refused_by_deletion(const open_file& c) const noexcept;
  [[nodiscard]] lease_entry* own_lease(const open_file& c) const noexcept;
  bool attempt_open(
    const open_file& c, attempt a, time_point now, effects& out, waiting_operation* w = nullptr);
  [[nodiscard]] bool violates_sharing(const open_file& c) const noexcept;
  [[nodiscard]] bool violates_any(const open_file& c) const;
  [[nodiscard]] break_plan plan_open(const open_file& c, bool violation, attempt a) const;
  [[nodiscard]] awaited_breaks awaited_by(const open_file& c) const;

  // -- streams.cpp: named streams, which are files of their own (MS-FSA 2.1.5.1.2)

  /// What an operation needs from the files of the named streams.
  struct stream_plan {
    access_kind kind{};
    std::vector<const open_entry*> asked; ///< Opens that stand for streams to ask.
    bool wait = false; ///< The operation must wait.
  };
  [[nodiscard]] stream_plan plan_streams(
    access_kind kind, const waiting_operation* w, bool are_denying = false) const;
  [[nodiscard]] stream_plan plan_streams(
    const open_file& c, bool violation, bool plan_waits, const waiting_operation* w) const;
  [[nodiscard]] stream_plan plan_streams(const access_file& c, const waiting_operation* w) const;
  [[nodiscard]] bool violates_besides_streams(const open_file& c) const;
  [[nodiscard]] bool is_kept_out(const open_file& c) const noexcept;
  [[nodiscard]] bool waits_for_streams(const waiting_operation& w) const;
  [[nodiscard]] bool is_held_by_streams(const open_file& c, const waiting_operation& w) const;
  void ask_streams(
    const stream_plan& plan, waiting_operation* w, const client_guid& client, effects& out) const;
  void ask_for_deletion(effects& out) const;
  void note(const stream_opened& c, effects& out);
  void note(const stream_closed& c);
  void note(const streams_answered& c);

  // -- instance.cpp: opens of an application that has moved (MS-SMB2 3.3.5.9.13)

  /// Opens that the same application has made on other clients.
  struct earlier_opens {
    bool is_newer = false; ///< One of them is not of an older instance; the new open fails.
    std::vector<open_id> ending; ///< Ordered by id.
  };
  [[nodiscard]] earlier_opens find_earlier(const open_file& c) const;
  [[nodiscard]] static bool is_among(const std::vector<open_id>& opens, open_id id);
  void count_apart(const std::vector<open_id>& ending, std::uint32_t by);
  void end_superseded(const std::vector<open_id>& ending, time_point now, effects& out);

  // -- grant.cpp: what an open may cache (MS-FSA 2.1.5.18, MS-SMB2 3.3.5.9.8)

  void grant_open(const open_file& c, bool waited, time_point now, effects& out);
  [[nodiscard]] lease_state grantable(
    const open_file& c, lease_state wanted, const lease_entry* own) const noexcept;
  [[nodiscard]] lease_state withheld_from(const client_guid& client, const lease_key& key) const;
  void grant_lease(
    const open_file& c, open_entry& o, open_granted& g, time_point now, effects& out);
  void grant_oplock(
    const open_file& c, open_entry& o, open_granted& g, time_point now, effects& out);
  void tell(const lease_entry& lease, open_granted& granted) const;

  // -- break.cpp: begins and ends breaks (MS-SMB2 3.3.4.6, 3.3.4.7, 3.3.6.1, 3.3.6.5)

  void begin_breaks(
    const break_plan& plan, time_point now, effects& out, const client_guid* changer = nullptr);
  void begin_break(lease_entry& l, lease_state to, break_cause cause, time_point now, effects& out,
    std::uint32_t behind = 0);
  bool lower_untold_grants(lease_entry& l, lease_state to, effects& out);
  void correct_untold_grants(lease_entry& l, effects& out);
  template <class Function>
  void for_each_untold(const lease_entry& l, effects& out, const Function& f);
  void end_break(lease_entry& l, lease_state left, break_outcome how, time_point now, effects& out);
  void cannot_deliver(const break_undeliverable& c, time_point now, effects& out);
  void give_up(lease_entry& l, break_outcome how, time_point now, effects& out);
  void notify(lease_entry& l, lease_state to, bool ack, time_point now, effects& out);
  void tell_on_oldest(effects& out);
  [[nodiscard]] std::optional<channel_id> oldest_channel_of(const client_guid& client) const;
  [[nodiscard]] static std::uint16_t told_epoch(const lease_entry& l) noexcept;
  void notify_again(lease_entry& l, time_point now, effects& out);
  void tell_breaks_again(time_point now, effects& out);
  void start_break_timer(lease_entry& l, time_point now);
  [[nodiscard]] duration break_timeout_of(const lease_entry& l) const noexcept;

  // -- answer.cpp: notifications that must not overtake a response (MS-SMB2 3.3.4.6, 3.3.4.7)

  static void expect_answer(open_entry& open, open_granted& granted);
  static void expect_first_answer(open_entry& open, open_granted& granted);
  void answer(const answer_sent& c, time_point now, effects& out);
  void learn(open_entry& open, time_point now, effects& out);
  void settle_answers(open_entry& open, time_point now, effects& out);
  static void tell_gone_oplock(open_entry& open, effects& out);
  [[nodiscard]] std::unique_ptr<detail::held_notice>& held_of(lease_entry& l) const;
  [[nodiscard]] const detail::held_notice* held_of(const lease_entry& l) const noexcept;
  /// Returns whether a break is in progress of which its holder has not been notified.
  [[nodiscard]] bool is_untold(const lease_entry& l) const noexcept;
  [[nodiscard]] static bool tells_now(const lease_entry& l) noexcept;
  [[nodiscard]] detail::held_notice& notice_of(lease_entry& l, time_point now);
  void hold_back(lease_entry& l, break_notification n, time_point now);
  [[nodiscard]] static break_notification as_it_is_now(break_notification n, const lease_entry& l);
  void note_promotion(lease_entry& l);
  void tell_held(lease_entry& l, time_point now, effects& out);
  void end_held_break(lease_entry& l, break_outcome how, time_point now, effects& out);
  void tell_known(lease_entry& l, time_point now, effects& out);
  void answer_is_overdue(const detail::deadline_entry& due, time_point now, effects& out);
  void answer_change(std::uint32_t change, time_point now, effects& out);
  void tell_behind(lease_entry& l, time_point now, effects& out);
  void tell_all_but(const client_guid& changer, time_point now, effects& out);
  void tell_who_is_waited_for(time_point now, effects& out);

  // -- acknowledge.cpp (MS-SMB2 3.3.5.22)

  void acknowledge(const acknowledge_lease& c, time_point now, effects& out);
  void acknowledge(const acknowledge_oplock& c, time_point now, effects& out);
  void next_stage(lease_entry& l, time_point now, effects& out);

  // -- close.cpp: closes, lost connections, deletion at the last close (MS-FSA 2.1.5.4)

  void close(const close_open& c, time_point now, effects& out);
  bool attempt_close(const close_open& c, const std::optional<lease_name>& own, attempt a,
    time_point now, effects& out, waiting_operation* w = nullptr);
  void remove_client(const client_gone& c, time_point now, effects& out);
  void end_waits(const client_gone& c, effects& out);
  void move_opens(const client_gone& c);
  [[nodiscard]] bool is_gone(const client_gone& c, const open_entry& open) const;
  void offer_again(const client_gone& c, time_point now, effects& out);
  void lose_notification(lease_entry& l, time_point now, effects& out);
  void tell_of_timeout(lease_entry& l, time_point now, effects& out);
  /// Connected opens that lose their connection or session together.
  struct gone_opens {
    std::vector<open_entry*> opens; ///< Ordered by id.
    bool keeps_durable = true; ///< Durable opens stay as disconnected opens.
  };
  [[nodiscard]] client_removed end_gone(const gone_opens& gone, time_point now, effects& out);
  void complete_removal(client_removed removed, operation_id operation, node_id node, effects& out);
  void end_open(open_id id, end_cause cause, time_point now, effects& out);
  void note_deletion(open_entry& open, effects& out);
  void follow_end(time_point now, effects& out, bool asks_streams = true);
  void set_delete_pending(open_entry& open);
  [[nodiscard]] detail::deletion delete_if_last(node_id node = node_id::none);

  // -- node.cpp: nodes of a cluster

  [[nodiscard]] static node_id node_of(const command& c) noexcept;
  void remove_node(const node_gone& c, time_point now, effects& out);
  /// Returns whether the lease has an open of another node.
  [[nodiscard]] bool is_used_elsewhere(const lease_entry& l, node_id node) const noexcept;
  void end_waits_of(node_id node, effects& out);
  void end_holds_of(node_id node);

  // -- durable.cpp: opens that outlive their connection (MS-SMB2 3.3.5.9.6 to 3.3.5.9.12)

  void grant_durability(const open_file& c, open_entry& open, open_granted& granted, effects& out);
  [[nodiscard]] bool may_stay(const open_entry& open) const;
  void lose_connection(open_entry& open, time_point now, effects& out);
  void reconnect(const reconnect_open& c, time_point now, effects& out);
  void set_state(const set_server_state& c, effects& out);
  void make_open_resilient(const make_resilient& c, effects& out);
  void set_resilience(open_entry& open, duration time, bool lapsed);
  void reach_expiry(open_id id, time_point now, effects& out);
  void take_over(open_entry& open, const client_guid& client, effects& out);
  [[nodiscard]] bool must_be_left(const lease_entry& l) const;
  [[nodiscard]] bool gives_way(const lease_entry& l) const;
  [[nodiscard]] static bool is_let_go(const lease_entry& l) noexcept;
  [[nodiscard]] bool yields(break_plan& plan, lease_entry& l) const;
  void let_go(lease_entry& l, break_cause cause, time_point now, effects& out);
  void end_unanswerable(time_point now, effects& out);
  [[nodiscard]] std::vector<open_id> opens_giving_way(
    const break_plan& plan, std::vector<open_id> and_these = {}) const;
  /// The effect of disconnected opens on a new open.
  struct detached_obstacles {
    bool keeps_off = false; ///< A persistent open must be reconnected first.
    /// The share mode of a persistent open with Handle caching is violated.
    bool violation = false;
    std::vector<open_id> ending; ///< Opens to purge because of their share modes, ordered by id.
  };
  [[nodiscard]] detached_obstacles find_in_the_way(
    const open_file& c, const std::vector<open_id>& before = {}) const;
  [[nodiscard]] bool any_deletes(const std::vector<open_id>& ending) const;
  [[nodiscard]] bool any_stays_with_deletion(const std::vector<open_id>& before = {}) const;
  [[nodiscard]] bool may_remain(const open_entry& open) const;
  void end_stranded(time_point now, effects& out);
  void end_unattended(open_id id, end_cause cause, time_point now, effects& out);
  void end_purged(const std::vector<open_id>& ending, time_point now, effects& out);
  void follow_unattended(time_point now, effects& out);
  void report_if_deleted(effects& out);

  // -- replay.cpp: a replayed CREATE (MS-SMB2 3.3.5.9.10)

  void replay(const replay_open& c, effects& out);
  [[nodiscard]] open_granted held_by(const open_entry& open) const;

  // -- lock.cpp: byte-range locks (MS-FSA 2.1.5.8, MS-SMB2 3.3.5.14)

  [[nodiscard]] bool is_replayed_lock(open_id id, const std::optional<lock_sequence>& s);
  void note_lock(open_id id, const std::optional<lock_sequence>& s);
  [[nodiscard]] errc check_lock(const lock_ranges& c) const;
  bool attempt_lock(const lock_ranges& c, attempt a, time_point now, effects& out);
  [[nodiscard]] errc check_ranges(const lock_ranges& c, const std::vector<open_id>& ending) const;
  [[nodiscard]] bool is_locked(
    open_id open, const lock_element& element, const std::vector<open_id>& ending) const;
  [[nodiscard]] bool any_lock_below(std::uint64_t offset) const;
  [[nodiscard]] break_plan plan_lock(const lock_ranges& c) const;
  [[nodiscard]] awaited_breaks awaited_by(const lock_ranges& c) const;
  [[nodiscard]] bool is_range_taken(const lock_ranges& c) const;
  void unlock(const unlock_ranges& c, effects& out);
  void fail_waiting_of(open_id open, effects& out);

  // -- access.cpp: accesses other than opens (MS-FSA 2.1.4.12)

  [[nodiscard]] bool is_tree_renamed() const noexcept;
  [[nodiscard]] errc check_access(const access_file& c) const;
  bool attempt_access(
    const access_file& c, attempt a, time_point now, effects& out, waiting_operation* w = nullptr);
  waiting_operation& wait_for_access(const access_file& c, time_point now);
  [[nodiscard]] static const client_guid* changer_of(const access_file& c) noexcept;
  [[nodiscard]] lease_state taken_by(const access_file& c) const;
  [[nodiscard]] const lease_entry* spared_by(const access_file& c) const;
  [[nodiscard]] break_plan plan_access(const access_file& c) const;
  [[nodiscard]] break_plan plan_without(
    lease_state taken, const lease_entry* own, break_cause cause) const;
  [[nodiscard]] static break_plan without_batch(break_plan plan);
  [[nodiscard]] break_plan plan_data_change(const lease_entry* own, break_cause cause) const;
  [[nodiscard]] break_plan plan_rename_into() const;
  [[nodiscard]] break_plan plan_child_change(const std::optional<lease_key>& parent_key) const;
  [[nodiscard]] awaited_breaks awaited_by(const access_file& c) const;
  [[nodiscard]] static awaited_breaks awaited_by_data_change(const lease_entry* own);
  [[nodiscard]] errc after_breaks(const access_file& c, const std::vector<open_id>& ending) const;
  [[nodiscard]] access_granted carry_out(const access_file& c, const lease_entry* own);
  [[nodiscard]] bool ends_with(const force_break& c, const lease_entry& l) const noexcept;
  void end_running(const force_break& c, time_point now, effects& out);
  [[nodiscard]] break_plan plan_force(const force_break& c, attempt a) const;
  bool attempt_force(const force_break& c, attempt a, time_point now, effects& out);
  hold_id add_hold(lease_state withheld, bool deleting, const client_guid& client,
    const lease_key& key, node_id node);
  void end(const end_hold& c);

  // -- wait.cpp: pending operations, deadlines (docs/architecture.md, "Waiting is data")

  bool attempt_again(waiting_operation& w, attempt a, time_point now, effects& out);
  waiting_operation& wait(command what, operation_id id, const client_guid& client, open_id open,
    bool bounded, time_point now, const std::optional<lease_name>& spared = {});
  [[nodiscard]] bool waiting_is_full() const noexcept;
  /// Return the current value of a setting, for all files or for those of the share.
  [[nodiscard]] duration setting(
    duration file_policy::*which, std::string_view share = {}) const noexcept;
  template <class T>
  [[nodiscard]] T limit(T limits::*which, std::string_view share = {}) const noexcept {
    return policy->live != nullptr ? policy->live->get(which, share) : policy->limit.*which;
  }
  [[nodiscard]] std::string_view share_of(open_id open) const noexcept;
  [[nodiscard]] std::string_view share_of(const command& c) const noexcept;
  [[nodiscard]] awaited_breaks awaited_by(const waiting_operation& w) const;
  [[nodiscard]] bool is_held_up(const waiting_operation& w) const;
  [[nodiscard]] std::optional<obstacle> choose_obstacle(const waiting_operation& w);
  void wake(time_point now, effects& out);
  void give_up(const waiting_operation& w, errc error, effects& out);
  void cancel(const cancel_operation& c, effects& out);
  void stop(effects& out);
  void reach_deadlines(time_point now, effects& out);
  void push_deadline(detail::deadline_entry entry);
  void forget_past_deadlines();
  [[nodiscard]] std::size_t deadlines_max() const noexcept;
  [[nodiscard]] bool is_current(const detail::deadline_entry& entry) const noexcept;
  [[nodiscard]] waiting_operation* find_waiting(operation_id id) const noexcept;

  // -- recover.cpp: recovery after a restart, and the grace period

  void load(const load_record& c, time_point now, effects& out);
  void load_lease(const persisted_lock& record, time_point now, effects& out);
  void load_open(const persisted_lock& record, time_point now, effects& out);
  void load_lock(const persisted_lock& record, effects& out);
  [[nodiscard]] lease_entry* lease_to_load(const persisted_lock& record);
  void reclaim(const reclaim_lock& c, time_point now, effects& out);
  void end_grace(effects& out);
  [[nodiscard]] bool meets_recovered_lock(const client_guid& client, const lock_element& e) const;
  [[nodiscard]] errc check_io(open_id open, const byte_range& range, bool is_write) const;
  [[nodiscard]] bool io_meets_recovered_lock(
    const client_guid& client, const byte_range& range, bool is_write) const;
  void drop_recovered(lease_entry& l, effects& out);
  void drop_recovered_leases(effects& out);

  // -- records.cpp: stored records

  void store_lease(lease_entry& l, effects& out) const;
  void unstore_lease(lease_entry& l, effects& out) const;
  void store_lock(const detail::lock_table::entry& e, effects& out) const;
  void unstore_lock(const detail::lock_table::entry& e, effects& out) const;
  void spare_record_of_lock(const std::string& record_id);
  void store_open(const open_entry& open, effects& out) const;
  void unstore_open(const open_entry& open, effects& out) const;
  void store_persistent(effects& out, const lease_entry* of = nullptr) const;
  [[nodiscard]] persisted_lock record_of(const open_entry& open) const;
  [[nodiscard]] lease_info shown(const lease_entry& l) const;
  [[nodiscard]] lease_snapshot snapshot_of(const lease_entry& l) const;
  [[nodiscard]] std::string lease_record_id(const lease_entry& l) const;
  [[nodiscard]] const record_name_ptr& lease_record(lease_entry& l) const;
  [[nodiscard]] enhanced_lock describe(const lease_entry& l) const;
  [[nodiscard]] enhanced_lock describe(const detail::lock_table::entry& e) const;

  // -- list.cpp

  [[nodiscard]] std::vector<listed_entry> list(const lock_query& query) const;

  // overdue.cpp
  [[nodiscard]] overdue_breaks overdue(time_point now) const;
  [[nodiscard]] std::vector<pending_wait> waits(std::size_t most) const;
  [[nodiscard]] listed_entry list_waiting(const waiting_operation& w) const;

  // -- snapshot.cpp, snapshot_restore.cpp, report.cpp: the state as bytes

  struct restoration;
  [[nodiscard]] std::string export_state(time_point now) const;
  template <class Archive, class State>
  static void visit(Archive& a, State& s);
  [[nodiscard]] std::string take_reports(
    detail::merged_reports& from, time_point now, effects& out);
  [[nodiscard]] std::string report(
    const std::vector<const open_entry*>& of, std::optional<node_id> node, time_point now) const;

  // -- copy.cpp: a copy of what clients have through one node

  open_ended forget_open(open_id id);
  std::vector<open_ended> forget_client(const client_guid& client);
  void adopt(impl& from);

  // -- snapshot_check.cpp

  [[nodiscard]] std::string check_restored() const;
  [[nodiscard]] std::string check_open_entry(const open_entry& open) const;
  [[nodiscard]] std::string check_lease_entry(const lease_entry& l) const;
  [[nodiscard]] std::string check_waiting_operation(const waiting_operation& w) const;

  // -- invariants.cpp

  [[nodiscard]] std::string check_invariants() const;
  [[nodiscard]] std::string check_caching() const;
  [[nodiscard]] std::string check_waiting() const;
  [[nodiscard]] bool knows_channels(const lease_entry& l) const;
  [[nodiscard]] std::string check_held_up(const waiting_operation& w) const;

  // -- file_state.cpp

  void apply(const command& c, time_point now, effects& out);
  void end_step(time_point now, effects& out);
  static void complete(effects& out, operation_id id, errc error, operation_result result = {});
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
