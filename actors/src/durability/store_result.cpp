#include "store_result.hpp"

#include <leasebreak/error_code.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

errc errc_of(const store_status& status) noexcept {
  if (status.ok())
    return errc::success;
  return status.code.category() == leasebreak_category() ? static_cast<errc>(status.code.value())
                                                         : errc::store_unavailable;
}

store_status store_failure(const char* what) {
  return {make_error_code(errc::store_unavailable), what};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
