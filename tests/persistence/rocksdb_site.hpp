// Places for RocksDB stores.
#pragma once

#include "store_site.hpp"

namespace leasebreak::test {

[[nodiscard]] store_kind rocksdb_kind();

} // namespace leasebreak::test
