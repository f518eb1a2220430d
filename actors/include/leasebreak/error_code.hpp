// Lets `boost::system::error_code`, which Asio's handlers take, hold a `leasebreak::errc`.
#pragma once

#include <leasebreak/model/errors.hpp>

#include <boost/system/error_code.hpp>

template <>
struct boost::system::is_error_code_enum<leasebreak::errc> : std::true_type {};

namespace leasebreak {

using boost::system::error_code;

/// The `errc` that `ec` holds. `errc::success` if there is no error; `errc::cancelled` for
/// `asio::error::operation_aborted`; `errc::shutting_down` for whatever is not the library's.
[[nodiscard]] errc to_errc(const error_code& ec) noexcept;

} // namespace leasebreak
