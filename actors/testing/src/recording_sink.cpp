#include <leasebreak/testing/recording_sink.hpp>

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

break_sink recording_sink::sink() const {
  return
    [seen = seen_](const break_notification& n, const file_name_id& file, break_report report) {
      seen->push_back({n, file, std::move(report)});
    };
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit
