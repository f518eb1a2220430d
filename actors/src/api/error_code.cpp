#include <leasebreak/error_code.hpp>

#include <boost/asio/error.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

errc to_errc(const error_code& ec) noexcept {
  if (!ec)
    return errc::success;
  if (ec == boost::asio::error::operation_aborted)
    return errc::cancelled;
  const std::error_code plain = ec;
  return plain.category() == leasebreak_category() ? static_cast<errc>(plain.value())
                                                   : errc::shutting_down;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI
