// How coroutines of this library await: errors are results.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

inline constexpr auto use_tuple = boost::asio::as_tuple(boost::asio::use_awaitable);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
