// The contract of stores, for a real PostgreSQL server.
#include "postgres_server.hpp"
#include "store_contract.hpp"

namespace leasebreak::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Postgres, StoreContract, testing::Values(postgres_kind()), kind_name);

} // namespace
} // namespace leasebreak::test
