#include "cluster_link.hpp"

#include "coordinator_impl.hpp"
#include "files/remote_file.hpp"

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

void cluster_link::joined(node_id run) {
  if (const auto alive = owner_.lock())
    alive->join_cluster(run);
}

template <class What>
void cluster_link::tell(node_id run, const std::string& file_id, What what) {
  if (const auto alive = owner_.lock())
    alive->tell(file_id, std::make_unique<remote_news>(run, std::move(what)));
}

void cluster_link::changed(node_id run, const std::string& file_id, remote_change what) {
  tell(run, file_id, std::move(what));
}

void cluster_link::broken(node_id run, const std::string& file_id, break_notification what) {
  tell(run, file_id, std::move(what));
}

void cluster_link::completed(node_id run, const std::string& file_id, completion what) {
  tell(run, file_id, std::move(what));
}

void cluster_link::stepped_down(node_id run) {
  if (const auto alive = owner_.lock())
    alive->leave_cluster(run);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
