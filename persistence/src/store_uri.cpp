#include <leasebreak/persistence/store_uri.hpp>

#include "batch.hpp"

#include <leasebreak/persistence/memory_store.hpp>
#ifdef LEASEBREAK_HAS_ROCKSDB
#include <leasebreak/persistence/rocksdb_store.hpp>
#endif
#ifdef LEASEBREAK_HAS_POSTGRES
#include <leasebreak/persistence/postgres_store.hpp>
#endif

#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

using opened = store_result<std::unique_ptr<lock_store>>;

opened refused(std::string why) {
  return {detail::failure(errc::invalid_argument, std::move(why)), nullptr};
}

opened open_rocksdb(std::string_view path, [[maybe_unused]] const store_options& options) {
  if (path.empty())
    return refused("rocksdb: needs a directory, as in rocksdb:/var/lib/leasebreak");
#ifdef LEASEBREAK_HAS_ROCKSDB
  return open_rocksdb_store(std::string{path}, {.durable = options.durable});
#else
  return refused("this build has no RocksDB store (LEASEBREAK_ROCKSDB=OFF)");
#endif
}

opened open_postgres(std::string_view connection, [[maybe_unused]] const store_options& options) {
  if (connection.empty())
    return refused("postgres: needs a connection string, as in postgres:host=/run/postgresql");
#ifdef LEASEBREAK_HAS_POSTGRES
  return open_postgres_store(std::string{connection}, {.durable = options.durable});
#else
  return refused("this build has no PostgreSQL store (LEASEBREAK_POSTGRES=OFF)");
#endif
}

} // namespace

opened open_store(std::string_view uri, const store_options& options) {
  if (uri == "memory") {
    if (options.durable)
      return refused("the memory store cannot be durable");
    return {{}, std::make_unique<memory_store>()};
  }
  constexpr std::string_view rocksdb = "rocksdb:";
  if (uri.starts_with(rocksdb))
    return open_rocksdb(uri.substr(rocksdb.size()), options);
  // Both are schemes of libpq's URIs.
  if (uri.starts_with("postgres://") || uri.starts_with("postgresql://"))
    return open_postgres(uri, options);
  constexpr std::string_view postgres = "postgres:";
  if (uri.starts_with(postgres))
    return open_postgres(uri.substr(postgres.size()), options);
  // Do not show the text, because it may contain a password.
  return refused("a store is memory, rocksdb:PATH or postgres:URI");
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
