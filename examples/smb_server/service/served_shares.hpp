// What a change of the shares comes to. Internal to the server.
#pragma once

#include <smb_server/server.hpp>

#include <vector>

namespace leasebreak::smb {

/// The shares after a change, and what they are made of.
struct server::wanted_shares {
  share_map served;
  std::vector<share_definition> definitions;
};

} // namespace leasebreak::smb
