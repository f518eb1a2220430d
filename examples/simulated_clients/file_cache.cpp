#include "file_cache.hpp"

namespace leasebreak::simulated {

void file_cache::begin(cache_id id) {
  end();
  id_ = id;
}

void file_cache::opening() {
  if (opening_++ == 0)
    cap_ = lease_state::rwh;
}

void file_cache::granted(lease_state state) {
  --opening_;
  auto now = state & cap_;
  if (pending_)
    now = now & pending_->to;
  // Newly granted Read caching starts with an empty cache.
  if (!may(lease_state::read) && intersects(now, lease_state::read)) {
    ++generation_;
    clean_.reset();
  }
  if (!pending_ && !is_subset(now, usable_))
    chain_began_.reset(); // an upgrade: the next break is a new one
  usable_ = now;
}

void file_cache::refused() {
  --opening_;
}

void file_cache::lower(lease_state to) {
  usable_ = usable_ & to;
  cap_ = cap_ & to;
  if (!intersects(to, lease_state::read)) {
    ++generation_;
    clean_.reset();
  }
}

void file_cache::notified(const leasebreak::break_notification& n, time_point issued) {
  lower(n.to);
  if (!n.ack_required) {
    pending_.reset(); // a final notification without acknowledgement ends the break
    return;
  }
  // Follow-ups of one break share its deadline and, with version 2, its epoch.
  const bool follows =
    chain_began_ && chain_epoch_ == n.epoch && issued < *chain_began_ + break_timeout_;
  if (!follows) {
    chain_began_ = issued;
    chain_epoch_ = n.epoch;
  }
  pending_ = pending_break{n.id, n.to, *chain_began_ + break_timeout_};
}

void file_cache::acknowledged(leasebreak::break_id id, lease_state state) {
  lower(state);
  if (pending_ && pending_->id == id)
    pending_.reset();
}

bool file_cache::expire(time_point now) {
  if (!pending_ || now < pending_->deadline)
    return false;
  pending_.reset();
  lower(lease_state::none);
  dirty_.reset();
  return true;
}

void file_cache::end() {
  pending_.reset();
  chain_began_.reset();
  lower(lease_state::none);
  dirty_.reset();
  id_ = 0;
}

std::optional<content> file_cache::read() const {
  if (!may(lease_state::read))
    return std::nullopt;
  if (dirty_)
    return content{clean_ ? clean_->version : 0, *dirty_};
  return clean_;
}

void file_cache::fill(std::uint64_t ticket, content c) {
  if (ticket == generation_ && may(lease_state::read) && (!clean_ || clean_->version < c.version))
    clean_ = c;
}

bool file_cache::buffer(stamp mark) {
  // Without cached content, the version that the buffered write is based on is unknown.
  if (!may(lease_state::read | lease_state::write) || !clean_)
    return false;
  dirty_ = mark;
  return true;
}

std::optional<stamp> file_cache::dirty() const {
  return dirty_;
}

void file_cache::flushed(stamp mark, content c) {
  if (dirty_ == mark)
    dirty_.reset();
  if (clean_ && clean_->version < c.version)
    clean_ = c;
}

} // namespace leasebreak::simulated
