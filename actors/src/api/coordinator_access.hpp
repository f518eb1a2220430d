// Access to what a coordinator hides, for the library and its own tests.
#pragma once

#include "coordinator_impl.hpp"

#include <memory>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

struct coordinator_access {
  static std::unique_ptr<coordinator> make(
    const boost::asio::any_io_executor& executor, std::shared_ptr<coordinator_impl> impl) {
    return std::unique_ptr<coordinator>(new coordinator(executor, std::move(impl)));
  }
  static coordinator_impl& impl(coordinator& c) { return *c.impl_; }
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
