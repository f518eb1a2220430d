// The contract of stores, for those that need no server.
#include "store_contract.hpp"

#ifdef LEASEBREAK_HAS_ROCKSDB
#include "rocksdb_site.hpp"
#endif

namespace leasebreak::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(memory_kind()), kind_name);
#ifdef LEASEBREAK_HAS_ROCKSDB
INSTANTIATE_TEST_SUITE_P(RocksDb, StoreContract, testing::Values(rocksdb_kind()), kind_name);
#endif

} // namespace
} // namespace leasebreak::test
