// Random use of one file by clients that really cache. An oracle checks that no client reads stale
// data.
//
// Each client obeys its leases and oplocks: it serves reads from its cache under Read, keeps writes
// under Write, and writes back and drops what a break takes. An announced change is made when its
// hold ends. A grant that comes too early, a missing break, or a hold without effect thus results
// in a read of old data.
#pragma once

#include "file_fixture.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::model_test {

/// One step: its kind, and numbers that choose among the things that exist at the time. Every
/// sequence of steps is valid, so that steps can be removed one by one from a failing sequence.
struct step {
  std::uint8_t what = 0;
  std::uint16_t a = 0;
  std::uint16_t b = 0;
  std::uint16_t c = 0;
  std::uint16_t d = 0;
};

/// One run of a sequence of steps.
class simulation {
public:
  /// Every `copies_every` commands, a new copy of the file accompanies it; 0: never.
  explicit simulation(bool is_directory, std::uint32_t copies_every = 0);

  /// Returns an empty string on success, otherwise the first problem.
  std::string run(const std::vector<step>& steps);

  /// If set before the run, called after each step.
  std::function<void(const world&)> watch;
  /// The same with each command, which has been applied to the file.
  std::function<void(const command&, time_point)> hear;
  /// Gives clients nodes: Alice and Carol have the first, Bob has the second.
  void use_nodes();

  /// Returns the commands of the run in readable form.
  [[nodiscard]] const std::vector<std::string>& history() const { return history_; }

private:
  /// A lease by client and key, or an oplock by its open.
  struct cache_name {
    client_guid client;
    lease_key key;
    open_id open{};
    friend auto operator<=>(const cache_name&, const cache_name&) = default;
  };

  /// What a client assumes and caches.
  struct cache {
    lease_state state = none;
    std::optional<std::uint64_t> data;
    bool dirty = false;
    std::uint16_t epoch = 0; ///< Version 2: the epoch of the last message to the client.
    std::uint64_t believed = 0; ///< The number of the grant from which `state` is.
  };

  struct live_open {
    attempt a;
    open_file request;
    client who;
    bool detached = false; ///< Disconnected: kept by the server, but not usable by the client.
    /// The grant whose response has not been sent; empty afterwards.
    std::optional<open_granted> untold;
    std::uint64_t granted = 0; ///< The number of the grant.
    bool is_known = false; ///< At least one response was sent to its client.
  };

  struct awaited_ack {
    cache_name name;
    lease_state to{};
    break_id id{};
  };

  /// An announced change that has not been made.
  struct change {
    hold_id hold{};
    std::optional<cache_name> by; ///< The cache that knows of the change, if any.
    bool is_of_data = false;
  };

  /// A change of the directory whose response has not been sent.
  struct untold_change {
    client_guid who;
    attempt a;
  };

  void take(const command& what, const effects& out);
  void take(const break_notification& n);
  void check_own_deletion(const effects& out);
  void take(const streams_asked& asked);
  void check_streams(operation_id overwriting, const effects& out);
  void tell_of_stream(const step& s);
  void answer_streams(const step& s);
  void check_deletion_keys(const effects& out);
  void take(const break_ended& ended);
  void take(const answer_overdue& overdue);
  void take(const command& cause, const completion& c);
  void perform(const step& s);
  void perform_open(const step& s);
  void send_answer(live_open& o);
  void send_answer_to_change(std::uint16_t n);
  [[nodiscard]] bool is_own_news(const client_guid& who, std::uint64_t seen) const;
  void tell(live_open& o, const open_granted& granted, bool later);
  void believe(live_open& o, const open_granted& granted);
  void perform_access(const step& s);
  void acknowledge_one(const step& s);
  void make_change(const step& s);
  void change_children(const step& s);
  void read(const live_open& o);
  void write(const live_open& o, bool through);
  void write_back(cache& c);
  void write_back_all_of(const client_guid& who);
  void fresh_data(const std::optional<cache_name>& by);
  void detach(const client_gone& gone);
  void forget_untold(const client_gone& gone);
  void move(const client_gone& gone);
  [[nodiscard]] static bool is_gone(const client_gone& gone, const live_open& open);
  [[nodiscard]] bool is_forgiven(const live_open& o) const;
  [[nodiscard]] live_open* pick(std::uint16_t n);
  [[nodiscard]] std::optional<cache_name> name_of(open_id id) const;
  [[nodiscard]] static cache_name name_of(const open_file& request);
  void complain(const std::string& what);

  bool is_directory_;
  std::map<open_id, live_open> opens_;
  std::map<cache_name, cache> caches_;
  std::set<cache_name> late_; ///< Caches whose responses are overdue.
  std::map<operation_id, command> commands_;
  std::vector<awaited_ack> acks_;
  std::vector<change> changes_;
  std::vector<untold_change> untold_changes_;
  /// The client that made each version of the directory.
  std::map<std::uint64_t, client_guid> made_by_;
  std::vector<attempt> locks_and_waits_;
  /// The opens of streams that are granted, by the opens that stand for them.
  std::set<open_id> opened_streams_;
  std::set<open_id> closed_streams_; ///< Those of them that have ended.
  /// Requests to streams that are not answered, with the opens that stood for them.
  std::vector<std::pair<streams_asked, std::set<open_id>>> asked_;
  /// The streams that were released for an operation that overwrites.
  std::map<operation_id, std::set<open_id>> released_;
  /// The parent keys of the opens that asked for the pending deletion; zero for one without a key.
  std::set<lease_key> deletion_keys_;
  std::uint64_t grants_ = 0;
  bool answers_follow_ = false; ///< Responses to opens are sent in steps of their own.
  std::uint64_t allocation_ = 0; ///< The AllocationSize of the file.
  std::uint64_t stored_ = 1; ///< The version on the server.
  std::uint64_t newest_ = 1; ///< The version of the newest completed write.
  std::vector<std::string> history_;
  std::vector<std::string> problems_;
  world world_; ///< Destroyed first, because it still reports effects then.
};

} // namespace leasebreak::model_test
