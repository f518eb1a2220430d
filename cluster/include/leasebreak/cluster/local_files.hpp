// The files of the slots that a node owns, on the calling thread.
#pragma once

#include <leasebreak/cluster/files.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/file_state.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// Executes requests of the protocol with one `file_state` for each file. Not thread-safe.
class local_files {
public:
  /// `self` is this run of the node. `policy` must outlive the object. With `tells_itself`, turns
  /// contain the part of this node as well.
  local_files(node_id self, const file_policy& policy, bool tells_itself = false)
    : self_(self), policy_(&policy), tells_itself_(tells_itself) {}

  /// Executes a request at `now`, and appends its results.
  void execute(const files_request& what, time_point now, std::vector<files_result>& out);

  /// Returns when `expire` is due, or nothing, in the time of the files. Scans all files.
  [[nodiscard]] std::optional<time_point> next_deadline() const;
  /// Lets the deadlines of all files pass that are due at `now`. If `is_unheard`, the time of the
  /// files stands still until the next call: while a node may not know of a break, the deadline of
  /// that must not pass, because the node's client would still use what another one is granted
  /// then.
  void expire(time_point now, bool is_unheard, std::vector<files_result>& out);

  /// Calls `f` with every file. For tests and tools.
  void for_each(const std::function<void(const file_state&)>& f) const;
  /// Returns the file, or null.
  [[nodiscard]] const file_state* find(slot_number slot, std::string_view file_id) const;

private:
  struct owned_file {
    file_state state;
    /// The nodes through which each client has something; with a zero client, those with change
    /// holds.
    std::map<client_guid, std::set<node_id>> users{};
    /// The clients of operations that have not ended.
    std::map<operation_id, std::vector<client_guid>> in_progress{};
  };
  using user = std::pair<node_id, client_guid>;
  /// For whom something may have changed in a turn.
  struct changes {
    std::set<user> of{};
    bool are_all = false;
  };
  struct owned_slot {
    std::uint64_t term = 0;
    std::uint64_t turns = 0;
    std::uint64_t last_number = 0; ///< Of the files that were forgotten.
    std::map<std::string, owned_file, std::less<>> files;

    using iterator = decltype(files)::iterator;
  };

  void run(const open_slot& r, time_point now, std::vector<files_result>& out);
  void run(const execute_request& r, time_point now, std::vector<files_result>& out);
  void run(const end_node& r, time_point now, std::vector<files_result>& out);
  void run(const release_slot& r, time_point now, std::vector<files_result>& out);
  void build_file(slot_number number, owned_slot& slot, const std::string& file_id,
    std::vector<file_report> reports, std::vector<open_ended> ended, time_point now,
    std::vector<files_result>& out);
  /// Applies a command to all files, or to those for which `which` returns true.
  void apply_to_all(const command& what, const std::function<bool(const file_state&)>& which,
    time_point now, std::vector<files_result>& out);
  static owned_slot::iterator forget_if_empty(owned_slot& slot, owned_slot::iterator at);
  static void add_changes(
    changes& to, owned_file& file, const std::vector<client_guid>& asking, const effects& from);
  [[nodiscard]] static client_part part_of(const owned_file& file, const user& of, time_point now);
  void add_parts(file_turn& turn, owned_file& file, const changes& changed, time_point now) const;
  [[nodiscard]] static file_turn turn_of(slot_number number, owned_slot& slot,
    const std::string& file_id, effects&& from, node_id origin);

  [[nodiscard]] bool is_told(node_id node) const noexcept { return node != self_ || tells_itself_; }

  /// The time of the files, which is behind by as long as it was held.
  [[nodiscard]] time_point time_of_files(time_point now) const noexcept;
  void hold_time(bool stops, time_point now) noexcept;

  node_id self_;
  const file_policy* policy_;
  std::optional<time_point> held_; ///< The time of the files while it is stopped.
  duration behind_{};
  bool tells_itself_;
  std::map<slot_number, owned_slot> slots_;
};

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI
