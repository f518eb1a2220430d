// Parts of SET_INFO that are in several files.
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/wire/query.hpp>

namespace leasebreak::smb::commands {

/// FileRenameInformation (MS-FSA 2.1.5.14.11).
asio::awaitable<reply> rename(request& r, const set_info_request& asked, open_ptr o);

/// FileLinkInformation (MS-FSA 2.1.5.14.6).
asio::awaitable<reply> link(request& r, const set_info_request& asked, open_ptr o);

/// FileDispositionInformation and its Ex (MS-FSA 2.1.5.14.3).
asio::awaitable<reply> set_disposition(request& r, bool remove, open_ptr o);

/// The response of SET_INFO.
[[nodiscard]] inline reply set_info_done() {
  reply answer;
  encode_set_info_response(answer.out);
  return answer;
}

} // namespace leasebreak::smb::commands
