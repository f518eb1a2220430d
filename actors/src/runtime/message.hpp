// Messages of leasebreak's actors: nodes of a mailbox, which need a single allocation including
// their content.
#pragma once

#include <leasebreak/model/export.hpp>

#include <memory>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// A message. Its meaning depends on the kind of actor. Owned by the mailbox that contains it.
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

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
