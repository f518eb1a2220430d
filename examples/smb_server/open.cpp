// The end of an open.
#include <smb_server/open.hpp>

#include <smb_server/session.hpp>

#include <utility>

namespace leasebreak::smb {

open::~open() {
  if (vfs_open && tree_connect)
    tree_connect->share->files.close(std::move(vfs_open));
}

} // namespace leasebreak::smb
