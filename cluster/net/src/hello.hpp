// The first frame of a connection, which names the sender.
#pragma once

#include <leasebreak/cluster/view.hpp>
#include <leasebreak/model/export.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// The most bytes of this frame.
inline constexpr std::size_t hello_bytes_max = 1024;

struct hello {
  std::string cluster;
  view_member who; ///< Without `joined`.
};

[[nodiscard]] std::string encode(const hello& h);
/// Returns what `encode` has written, or why it is none.
[[nodiscard]] std::variant<hello, std::string> decode_hello(std::string_view bytes);

/// An IP address and a port.
struct address_and_port {
  std::string address;
  std::string port;
};
/// Splits `10.0.0.1:7000` or `[::1]:7000`. The result is empty if that is not understood.
[[nodiscard]] address_and_port split_address(std::string_view text);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster
