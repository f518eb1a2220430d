// A file's state machine with an injected fault, which the small world must find.
#pragma once

#include <leasebreak/model/file_state.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace leasebreak::small_world {

/// The kinds of faults.
enum class fault : std::uint8_t {
  none,
  raising_acknowledgement, ///< An acknowledgement leaves everything that it contains, even more
                           ///< than allowed.
  break_without_wait, ///< An open completes before the break that it caused is acknowledged.
  dropped_notification, ///< Notifications that need no acknowledgement are not sent.
  stale_epoch, ///< Notifications do not increment the epoch.
  ignored_share_mode, ///< Every open counts as sharing everything.
  early_notification, ///< A notification precedes the answer that grants what it breaks.
  lost_completion, ///< An operation that an acknowledgement released never completes.
  double_completion, ///< An operation that an acknowledgement released completes twice.
  ignored_cancel, ///< A cancelled operation keeps waiting.
  kept_open, ///< A close completes, but the open remains.
  promised_write, ///< An answer grants Write, but the server does not know it.
  ignored_deadline, ///< A holder that does not acknowledge loses nothing.
  lock_beside_lock, ///< Exclusive locks count as shared ones.
  refused_acknowledgement_ends, ///< A refused acknowledgement ends the break.
};

[[nodiscard]] std::string_view to_string(fault f) noexcept;
[[nodiscard]] const std::vector<fault>& all_faults();

/// Forwards to a `file_state`, except for the fault.
class faulty_file {
public:
  faulty_file(const file_policy& policy, fault what) : file_(policy, "file"), fault_(what) {}

  [[nodiscard]] effects apply(command c, time_point now);
  [[nodiscard]] const file_state& file() const noexcept { return file_; }

private:
  void forward(const command& c, time_point now, effects& out);
  bool answers_itself(command& c, effects& out);
  void damage(const command& c, effects& out, time_point now);

  file_state file_;
  fault fault_;
  std::map<std::pair<client_guid, lease_key>, lease_state> told_; ///< From the last notification.
  std::optional<lease_state> raised_;
};

} // namespace leasebreak::small_world
