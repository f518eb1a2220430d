// The queue of guards for the entries of one directory, as a pure data structure.
#pragma once

#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The entries of a directory that one guard protects. Names are compared byte by byte.
struct guarded_names {
  std::string name; ///< Empty: the whole directory, which excludes all its other guards.
  std::string also; ///< A second name, for a rename within the directory; empty if there is none.

  /// Returns whether this is the whole directory.
  [[nodiscard]] bool is_whole() const noexcept { return name.empty(); }
};

/// The guards of one directory: exclusive for each name, first come, first served. A guard is held
/// as soon as no earlier guard, held or waiting, has a name in common with it.
///
/// `ask` and `end` take time proportional to the number of guards that share a name. While there is
/// a guard of the whole directory, they take time proportional to all guards. Not thread-safe.
class entry_queue {
public:
  /// The result of a request.
  struct answer {
    errc error = errc::success; ///< `success`, or why the request failed.
    guard_id id{}; ///< The guard, held or waiting.
    bool is_held = false; ///< False if the guard waits.
  };

  /// Limits the sum of held and waiting guards to `guards_max`.
  explicit entry_queue(std::size_t guards_max) noexcept : guards_max_(guards_max) {}

  /// Changes the limit; guards beyond it stay.
  void limit(std::size_t guards_max) noexcept { guards_max_ = guards_max; }

  /// Requests a guard. Errors: `errc::too_many_guards`; `errc::invalid_argument` for a second name
  /// without a first.
  [[nodiscard]] answer ask(guarded_names names);

  /// Ends a guard, held or waiting. Appends to `held` the guards that become held by this, in the
  /// order of arrival. Ignores unknown ids.
  void end(guard_id id, std::vector<guard_id>& held);

  /// Removes all waiting guards from the queue and returns them in the order of arrival.
  [[nodiscard]] std::vector<guard_id> take_waiting();

  /// Returns whether there are no guards.
  [[nodiscard]] bool empty() const noexcept { return guards_.empty(); }
  /// Returns the number of guards, held and waiting.
  [[nodiscard]] std::size_t size() const noexcept { return guards_.size(); }
  /// Returns the number of waiting guards.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

private:
  struct guard {
    guarded_names names;
    /// The number of earlier guards of each of its names, and of the whole directory.
    std::size_t ahead = 0;
  };
  using guard_map = std::map<guard_id, guard>; // ids grow, so that this is the order of arrival

  [[nodiscard]] static std::vector<const std::string*> distinct(const guarded_names& names);
  void step_forward(guard_id id, std::vector<guard_id>& held);
  void leave_name(const std::string& name, guard_id id, std::vector<guard_id>& held);

  std::size_t guards_max_;
  std::size_t waiting_ = 0;
  std::uint64_t last_ = 0;
  guard_map guards_;
  std::unordered_map<std::string, std::vector<guard_id>> by_name_;
  std::vector<guard_id> wholes_; ///< The guards of the whole directory.
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
