// Closes the file of an open.
#include <smb_server/opens/open.hpp>

#include <smb_server/session/session.hpp>

#include <utility>

namespace leasebreak::smb {

open::~open() {
  if (vfs_open && tree_connect)
    tree_connect->share->files.close(std::move(vfs_open));
}

} // namespace leasebreak::smb
