// A sink that records the break notifications of a client.
#pragma once

#include <leasebreak/requests.hpp>

#include <deque>
#include <memory>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

/// A break notification as a sink received it.
struct seen_break {
  break_notification notification; ///< What the client is told.
  file_name_id file; ///< The file's id.
  break_report report; ///< To report that the client cannot be told.
};

/// Records break notifications in the order in which they come. Not thread-safe: use it on the
/// executor of the sink. Copies refer to the same record, and so does the sink, which may outlive
/// all of them.
class recording_sink {
public:
  recording_sink() : seen_(std::make_shared<std::deque<seen_break>>()) {}

  /// Returns the sink, for `coordinator::register_client` or `replace_sink`.
  [[nodiscard]] break_sink sink() const;

  /// Returns what has been recorded, oldest first. The caller may remove entries.
  [[nodiscard]] std::deque<seen_break>& seen() const noexcept { return *seen_; }

private:
  std::shared_ptr<std::deque<seen_break>> seen_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit
