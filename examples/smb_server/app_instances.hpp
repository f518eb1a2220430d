// Opens by the application that made them: one that has moved to another machine, as with a
// failover, does not have to wait for what it left behind (MS-SMB2 3.3.5.9.13).
#pragma once

#include <smb_server/channel_group.hpp>
#include <smb_server/open.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace leasebreak::smb {

/// May be used from any thread.
class app_instances {
public:
  /// An open, and the connections whose strand it belongs to.
  struct place {
    open_ptr open;
    channel_group_ptr in; ///< Null if they are gone.
  };

  /// An open whose CREATE named an application.
  void add(const open_ptr& o, const channel_group_ptr& in);

  /// The open ends.
  void remove(const open& o);

  /// Opens of the same file of the same share by the same application on other clients.
  [[nodiscard]] std::vector<place> left_behind(const guid& application,
    const leasebreak::client_guid& client, const void* share, const std::string& name) const;

private:
  struct entry {
    const open* key = nullptr;
    std::weak_ptr<open> open_;
    std::weak_ptr<channel_group> in;
    leasebreak::client_guid client;
    const void* share = nullptr;
    std::string name;
  };

  mutable std::mutex mutex_;
  std::multimap<guid, entry> entries_;
};

} // namespace leasebreak::smb
