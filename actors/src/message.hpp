// What an actor of ours is sent: nodes of its mailbox, which cost one allocation with all they
// carry.
#pragma once

#include <memory>

namespace leasebreak::detail {

/// A message. What it means is up to the kind of actor. Owned by the mailbox it is in.
class message {
public:
  message() = default;
  message(const message&) = delete;
  message& operator=(const message&) = delete;
  virtual ~message() = default;

private:
  friend class turn_actor;
  message* next_ = nullptr;
  bool is_timeout_ = false;
};

using message_ptr = std::unique_ptr<message>;

} // namespace leasebreak::detail
