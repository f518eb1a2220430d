// The state of a file as bytes.
#include <leasebreak/model/file_state.hpp>

#include "file/snapshot_visit.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI {

std::string file_state::impl::export_state(time_point now) const {
  detail::snapshot_writer a(now);
  detail::write_head(a, detail::snapshot_kind::state);
  a.of_file(file_id);
  visit(a, *this);
  return a.take();
}

file_snapshot file_state::export_state(time_point now) const {
  return {impl_->export_state(now)};
}

std::string to_string(const snapshot_error& error) {
  return "snapshot " + std::to_string(error.snapshot) + " is wrong near byte " +
    std::to_string(error.at) + ": " + error.what;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
