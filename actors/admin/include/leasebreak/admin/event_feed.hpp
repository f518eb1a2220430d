// The way of a coordinator's events to a service: to readers of `/api/v1/events`, and into the
// lists of top blockers.
#pragma once

#include <leasebreak/events.hpp>
#include <leasebreak/model/export.hpp>

#include <memory>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT admin {

/// Takes events and keeps the lists of the last hour. Give the same feed to the coordinator and to
/// the service:
///
///     const auto feed = std::make_shared<admin::event_feed>();
///     config.on_event = [feed](const event& e) { feed->publish(e); };
///     options.events = feed;
///
/// Memory is bounded: each minute of the hour has at most 64 clients and 64 files, so that small
/// ones may be missing and the time of others may include theirs (the "space-saving" algorithm).
///
/// Thread safety: members may be called from any thread. Lifetime: independent of the coordinator
/// and of services.
class event_feed {
public:
  event_feed();
  ~event_feed();
  event_feed(const event_feed&) = delete;
  event_feed& operator=(const event_feed&) = delete;

  /// Takes an event. Does not block; takes less than a microsecond without readers.
  void publish(const event& e);

  class state; ///< For the service.
  [[nodiscard]] state& inside() const noexcept { return *state_; }

private:
  const std::unique_ptr<state> state_;
};

} // namespace admin
} // namespace leasebreak::LEASEBREAK_INLINE_ABI
