// Includes the whole file system library of the example SMB server.
//
// A `share` is a directory; all paths are resolved beneath it. `async_share` runs its operations on
// a `worker_pool`, so that a slow disk does not stall the event loop. The library is independent of
// SMB frames and of the coordinator.
#pragma once

#include "async_share.hpp"
#include "directory_cursor.hpp"
#include "errors.hpp"
#include "open_file.hpp"
#include "path.hpp"
#include "share.hpp"
#include "types.hpp"
#include "vfs_status.hpp"
#include "wildcard.hpp"
#include "worker_pool.hpp"
