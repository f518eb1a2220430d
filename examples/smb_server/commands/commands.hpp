// The commands of SMB2, one function each. `dispatch` has checked session and tree.
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/wire/negotiate.hpp>

#include <vector>

namespace leasebreak::smb::commands {

asio::awaitable<reply> negotiate(request& r); ///< MS-SMB2 3.3.5.4
/// Returns the greatest of the offered dialects that the server supports, or `none`.
[[nodiscard]] dialect greatest_common_dialect(const std::vector<dialect>& offered);
asio::awaitable<reply> session_setup(request& r); ///< 3.3.5.5
asio::awaitable<reply> logoff(request& r); ///< 3.3.5.6
asio::awaitable<reply> tree_connect(request& r); ///< 3.3.5.7
asio::awaitable<reply> tree_disconnect(request& r); ///< 3.3.5.8
asio::awaitable<reply> create(request& r); ///< 3.3.5.9
asio::awaitable<reply> close(request& r); ///< 3.3.5.10
asio::awaitable<reply> flush(request& r); ///< 3.3.5.11
asio::awaitable<reply> read(request& r); ///< 3.3.5.12
asio::awaitable<reply> write(request& r); ///< 3.3.5.13
asio::awaitable<reply> lock(request& r); ///< 3.3.5.14
asio::awaitable<reply> ioctl(request& r); ///< 3.3.5.15
/// Returns whether the request is an IOCTL about the connection, which needs neither session nor
/// tree.
[[nodiscard]] bool is_connection_control(const request& r);

asio::awaitable<reply> echo(request& r); ///< 3.3.5.17
asio::awaitable<reply> query_directory(request& r); ///< 3.3.5.18
asio::awaitable<reply> change_notify(request& r); ///< 3.3.5.19
asio::awaitable<reply> query_info(request& r); ///< 3.3.5.20
asio::awaitable<reply> set_info(request& r); ///< 3.3.5.21
asio::awaitable<reply> oplock_break(request& r); ///< 3.3.5.22

} // namespace leasebreak::smb::commands
