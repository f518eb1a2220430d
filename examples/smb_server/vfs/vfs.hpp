// The file system library of the example SMB server: everything of it.
//
// A `share` is a directory, opened beneath its root only; `async_share` runs its operations on a
// `worker_pool`, so that a slow disk does not stall the event loop. Knows nothing of SMB frames and
// nothing of the coordinator.
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
