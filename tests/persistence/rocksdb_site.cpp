#include "rocksdb_site.hpp"

#include <leasebreak/persistence/rocksdb_store.hpp>

#include <stdexcept>

namespace leasebreak::test {

namespace {

class rocksdb_site final : public store_site {
public:
  std::unique_ptr<lock_store> open(bool durable) override {
    auto opened = open_rocksdb_store(directory_.path() + "/db", {.durable = durable});
    if (!opened.ok())
      throw std::runtime_error(opened.status.detail);
    return std::move(opened.value);
  }

private:
  temporary_directory directory_;
};

} // namespace

store_kind rocksdb_kind() {
  return {"rocksdb", [] { return std::make_unique<rocksdb_site>(); }};
}

} // namespace leasebreak::test
