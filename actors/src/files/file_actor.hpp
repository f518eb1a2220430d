// The actor of one file. It converts messages into commands, and effects into completions,
// notifications, timeouts and records. It owns the file's state, contains no rules, and never
// waits.
#pragma once

#include "completion/answer_slot.hpp"
#include "completion/operation.hpp"
#include "completion/parked_operations.hpp"
#include "going_names.hpp"
#include "observe/line_limit.hpp"
#include "observe/overdue.hpp"
#include "remote_file.hpp"
#include "runtime/turn_actor.hpp"

#include <leasebreak/model/file_state.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class client;
class coordinator_impl;
class directory_guards;
class entry_call;

/// One file. Members may only be used in its own turn, except where noted.
class file_actor final : public turn_actor {
public:
  /// `id_hash` is the hash of its id in the registry.
  file_actor(
    caf::actor_config& config, coordinator_impl& owner, std::string file, std::size_t id_hash);
  ~file_actor() override;

  /// Thread-safe.
  [[nodiscard]] const std::string& file_id() const noexcept { return state_.file_id(); }
  [[nodiscard]] std::size_t id_hash() const noexcept { return id_hash_; }
  /// Returns whether the registry lists it among the idle files without state that it keeps.
  /// Thread-safe.
  [[nodiscard]] bool is_listed() const noexcept { return listed_.load(); }
  void set_listed(bool listed) noexcept { listed_.store(listed); }

  void perform(std::unique_ptr<operation> op);
  void perform(const command& c);
  /// Processes the responses that were sent, if there is no other command.
  void see_answers();
  /// In a cluster: takes what it says of this file.
  void take(node_id run, remote_news::content&& what);
  /// In a cluster: ends what belongs to the run.
  void end_run(node_id run);

  /// In a cluster: what clients of this server have, as the cluster said last.
  [[nodiscard]] const file_state& state() const noexcept {
    return remote_ == nullptr ? state_ : remote_->state();
  }
  [[nodiscard]] coordinator_impl& owner() noexcept { return owner_; }
  [[nodiscard]] hold make_hold(hold_id id);
  [[nodiscard]] entry_guard make_guard(guard_id id);
  void guard_entry(std::unique_ptr<entry_call> call);
  void end_guard(guard_id id);
  void cancel_guard(operation_id target);
  /// Thread-safe.
  [[nodiscard]] sent_answers& answers() noexcept { return answers_; }
  /// Durable mode: one lot of its records is stored. Thread-safe.
  void records_stored() noexcept;
  /// Sets the path of an open that has none yet.
  void place(open_id open, std::unique_ptr<placed_open> place);
  /// Fills in the paths and labels of what is listed.
  void name(std::vector<listed_entry>& entries) const;
  /// Returns the path of the open. If it has none, returns that of another open of the file; empty
  /// if no open has one.
  [[nodiscard]] std::string path_of(open_id open) const;
  /// Returns the pending operation; null if there is none with this id.
  [[nodiscard]] const operation* waiting(operation_id id) const { return parked_.find(id); }
  [[nodiscard]] overdue_watch& overdue() noexcept { return overdue_; }
  [[nodiscard]] line_limit& lines() noexcept { return lines_; }
  /// Whether some open's path is one that `r` asks for.
  [[nodiscard]] bool has_path(const list_request& r) const;

protected:
  void handle(message_ptr m) override;
  void timeout() override;
  bool end_turn() override;
  void unused() override;
  void stopped() override;

private:
  struct answer {
    std::unique_ptr<operation> op;
    completion* with;
  };
  struct held_open {
    open_id open{};
    client* whose = nullptr; ///< Null: the client has not reconnected since the restart.
    std::unique_ptr<placed_open> place; ///< Only if it has a path.
    std::unique_ptr<stand_in> base; ///< Only if it is of a stream whose file is told.
  };
  using holder_list = std::vector<held_open>;

  [[nodiscard]] errc admit_channel(operation& op);
  [[nodiscard]] errc admit_entry(access_file& entry) const;
  [[nodiscard]] bool goes_on(const client_guid& guid, const channel_id& c) const;
  [[nodiscard]] errc reserve_locks(operation& op);
  void note_other_names(operation& op) const;
  void refuse(std::unique_ptr<operation> op, errc error);
  void run(const command& c, std::unique_ptr<operation> op);

  // -- in a cluster, in remote_turns.cpp
  void run_in_cluster(const command& c, std::unique_ptr<operation> op);
  [[nodiscard]] errc enter_run(const operation& op, node_id run);
  void submit(command what);
  void tell_answers();
  void take(remote_change&& what);
  void take(break_notification&& what);
  void take(completion&& what);
  void complete_all(errc error);

  void refuse_guards();
  void drop_unused_guards() noexcept;
  bool settle(effects& out, std::unique_ptr<operation> current);
  [[nodiscard]] std::unique_ptr<operation> take_parked(operation_id id);
  [[nodiscard]] static std::vector<const operation*> those_that_waited(
    const std::vector<answer>& answers);
  static void answer_last(std::vector<answer>& answers, const operation* op);
  void store(effects& out, std::vector<answer>& answers);
  [[nodiscard]] bool waits_for_store(const answer& a, const effects& out) const;
  [[nodiscard]] bool is_stored() noexcept;
  void account(operation& op, const completion& c);
  void begin_wait(operation& op) const;
  void end_wait(const operation& op, const completion& c);
  void tell_events(
    const effects& out, const std::vector<answer>& answers, const operation* waiting) const;
  void account(const open_ended& e);
  void give_deleted_names(std::vector<answer>& answers);
  void account(const open_recovered& r);
  void take_over(open_id open, client& now, const lease_key& key);
  void notify(const break_notification& n);
  void give_back(operation& op);
  [[nodiscard]] std::string path_of_waiting(operation_id id) const;
  /// Applies the command. Afterwards the file is told of responses for which breaks are held back.
  void apply(const command& c, effects& out, bool may_wait);
  void look_at_answers(effects& out);
  [[nodiscard]] pending_answer expect_answer(const operation_result& result);
  void keep_time();
  void keep_lines();
  void count_breaks();
  [[nodiscard]] holder_list::iterator find_holder(open_id open) noexcept;
  [[nodiscard]] const held_open* find_holder(open_id open) const noexcept;
  [[nodiscard]] client* holder_of(open_id open) const noexcept;
  [[nodiscard]] client_guid client_of(open_id open) const noexcept;

  coordinator_impl& owner_;
  const std::size_t id_hash_;
  file_state state_; ///< In a cluster: always empty.
  std::unique_ptr<remote_file> remote_; ///< Null: not in a cluster, or nothing is known.
  holder_list holders_; ///< One for each open; ordered by id.
  going_names going_;
  sent_answers answers_;
  std::unique_ptr<directory_guards> guards_; ///< Null if there are none.
  parked_operations parked_; ///< The pending operations.
  std::optional<time_point> armed_; ///< The time of the timeout that is set.
  overdue_watch overdue_;
  line_limit lines_;
  bool is_look_ = false; ///< The requested time is a check for deadlines, not a deadline itself.
  bool looked_ = false; ///< A check or a timeout has come in this turn.
  std::uint32_t counted_breaking_ = 0; ///< The share of this file in the gauge.
  std::atomic<bool> listed_{false};
  /// Durable mode: lots of records that were submitted but are not stored yet.
  std::atomic<std::uint32_t> unstored_{0};
  /// It has no state, and only waits for its records to be stored.
  std::atomic<bool> ends_when_stored_{false};
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
