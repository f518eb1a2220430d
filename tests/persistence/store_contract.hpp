// The rules for every store. The tests are in store_contract.cpp; each test program names the kinds
// of store on which they run.
#pragma once

#include "store_site.hpp"

#include <gtest/gtest.h>

namespace leasebreak::test {

class StoreContract : public testing::TestWithParam<store_kind> {
protected:
  std::unique_ptr<store_site> site = GetParam().make();
  std::unique_ptr<lock_store> store = site->open();
};

[[nodiscard]] inline std::string kind_name(const testing::TestParamInfo<store_kind>& info) {
  return info.param.name;
}

} // namespace leasebreak::test
