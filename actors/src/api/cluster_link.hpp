// What a cluster tells the coordinator becomes messages to its files.
#pragma once

#include <leasebreak/remote_files.hpp>

#include <memory>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class coordinator_impl;

/// Thread-safe. Does nothing when the coordinator is gone.
class cluster_link final : public remote_files_user {
public:
  explicit cluster_link(std::weak_ptr<coordinator_impl> owner) : owner_(std::move(owner)) {}

  void joined(node_id run) override;
  void changed(node_id run, const std::string& file_id, remote_change what) override;
  void broken(node_id run, const std::string& file_id, break_notification what) override;
  void completed(node_id run, const std::string& file_id, completion what) override;
  void stepped_down(node_id run) override;

private:
  template <class What>
  void tell(node_id run, const std::string& file_id, What what);

  std::weak_ptr<coordinator_impl> owner_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
