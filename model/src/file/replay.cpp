// Replays a CREATE whose response the client has not seen (MS-SMB2 3.3.5.9.10).
#include "file/impl.hpp"

#include <algorithm>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

// Returns the current state of the open and its lease or oplock, which may have been broken or
// promoted meanwhile.
open_granted file_state::impl::held_by(const open_entry& open) const {
  open_granted held;
  held.open = open.id;
  held.durable = open.is_durable();
  held.persistent = open.is_persistent();
  if (open.lease == nullptr)
    return held;
  const auto& lease = open.lease->info;
  if (lease.is_oplock) {
    held.oplock = oplock_of(lease.state);
    held.state = lease.state;
    held.break_in_progress = lease.breaking && !is_untold(*open.lease);
  } else {
    tell(*open.lease, held);
  }
  return held;
}

// A disconnected open must be reconnected, not replayed. The open moves to the replay's channel, on
// which the client expects its notifications.
void file_state::impl::replay(const replay_open& c, effects& out) {
  auto* open = find_connected(c.open);
  if (open == nullptr || open->client != c.client)
    return complete(out, c.operation, errc::unknown_open);
  const bool has_lease = open->lease != nullptr && !open->lease->info.is_oplock;
  if (c.lease.has_value() != has_lease || (has_lease && open->lease->info.key != c.lease->key))
    return complete(out, c.operation, errc::access_denied);
  auto again = held_by(*open);
  if (has_lease) {
    if (again.version == 2)
      again.parent_key = c.lease->parent_key;
  } else {
    // smb2.replay.replay-dhv2-oplock2: do not confirm more than the replay requests. An open that
    // is durable because of its batch oplock is only reported as durable if that oplock is
    // requested.
    again.oplock = std::min(again.oplock, c.oplock);
    again.state = state_of(again.oplock);
    again.durable = again.durable && (again.persistent || again.oplock == oplock_level::batch);
  }
  if (c.connection != connection_id::none) {
    const channel_id used{c.connection, open->channel.session, c.node};
    if (open->lease != nullptr) {
      open->lease->channels.leave(open->channel);
      open->lease->channels.join(used);
    }
    open->channel = used;
  }
  if (c.answer_follows)
    expect_answer(*open, again);
  complete(out, c.operation, errc::success, again);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
