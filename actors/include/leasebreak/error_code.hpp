// Lets a `boost::system::error_code`, as Asio's handlers take it, hold a `leasebreak::errc`.
#pragma once

#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/export.hpp>

#include <boost/system/error_code.hpp>

template <>
struct boost::system::is_error_code_enum<leasebreak::errc> : std::true_type {};

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

using boost::system::error_code;

/// Returns the `errc` that `ec` holds: `errc::success` if there is no error, `errc::cancelled` for
/// `asio::error::operation_aborted`, `errc::shutting_down` for any other error of another category.
[[nodiscard]] errc to_errc(const error_code& ec) noexcept;

} // namespace LEASEBREAK_ABI
} // namespace leasebreak
