// A file's state machine with a fault put in, to see that the small world finds it.
#pragma once

#include <leasebreak/model/file_state.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace leasebreak::small_world {

/// What is wrong.
enum class fault : std::uint8_t {
  none,
  raising_acknowledgement, ///< An acknowledgement leaves what was acknowledged, whatever that is.
  break_without_wait, ///< An open goes on before the break that it began is acknowledged.
  dropped_notification, ///< Notifications that need no acknowledgement are not sent.
  stale_epoch, ///< Notifications do not count the epoch.
  ignored_share_mode, ///< Everything is taken to be shared.
  early_notification, ///< A notification does not wait for the answer that grants what it breaks.
  lost_completion, ///< What an acknowledgement lets go on never completes.
  double_completion, ///< What an acknowledgement lets go on completes twice.
  ignored_cancel, ///< A cancelled operation goes on waiting.
  kept_open, ///< A close is answered, and the open stays.
  promised_write, ///< An open is told of Write, and the server knows nothing of it.
  ignored_deadline, ///< A holder that does not answer loses nothing.
  lock_beside_lock, ///< Exclusive locks are taken as shared ones.
  refused_acknowledgement_ends, ///< An acknowledgement that is refused ends the break all the same.
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
  std::map<std::pair<client_guid, lease_key>, lease_state> told_; ///< By the last notification.
  std::optional<lease_state> raised_;
};

} // namespace leasebreak::small_world
