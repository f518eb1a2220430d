#include "store_site.hpp"

#include <leasebreak/persistence/memory_store.hpp>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace leasebreak::test {

namespace {

class memory_site final : public store_site {
public:
  std::unique_ptr<lock_store> open(bool) override { return std::make_unique<memory_store>(); }

  [[nodiscard]] bool keeps() const override { return false; }
};

} // namespace

store_kind memory_kind() {
  return {"memory", [] { return std::make_unique<memory_site>(); }};
}

temporary_directory::temporary_directory()
  : path_((std::filesystem::temp_directory_path() / "leasebreak-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), path_);
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

} // namespace leasebreak::test
