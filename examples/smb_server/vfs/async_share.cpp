// The operations that do not always need a worker thread.
#include "async_share.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace leasebreak::smb::vfs {

void async_share::close(open_ptr open) const noexcept {
  if (!open->closes_at_once())
    pool_.discard(std::move(open));
}

boost::asio::awaitable<std::tuple<error_code, file_info>> async_share::info(open_ptr open) const {
  if (auto known = open->info_cached())
    co_return std::make_tuple(error_code{}, std::move(*known));
  co_return co_await async_info(std::move(open), boost::asio::as_tuple(boost::asio::use_awaitable));
}

} // namespace leasebreak::smb::vfs
