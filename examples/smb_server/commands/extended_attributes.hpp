// Extended attributes in QUERY_INFO, SET_INFO and CREATE.
#pragma once

#include <smb_server/commands/commands.hpp>
#include <smb_server/wire/extended_attributes.hpp>
#include <smb_server/wire/query.hpp>

namespace leasebreak::smb::commands {

/// FileFullEaInformation: all of them, or those that the request names (MS-FSA 2.1.5.12.11). Which
/// were told before does not count: each query begins with the first one.
asio::awaitable<reply> query_eas(query_info_request asked, open_ptr o);

/// FileFullEaInformation: sets them, and removes those without a value (MS-FSA 2.1.5.15.6).
asio::awaitable<reply> set_eas(request& r, const set_info_request& asked, open_ptr o);

/// As the file system library has them.
[[nodiscard]] std::vector<vfs::extended_attribute> to_attributes(std::vector<ea_entry> entries);

/// The entries of a file; of what is more than clients can be told, the first ones. Blocks on the
/// disk.
[[nodiscard]] vfs::result<std::vector<ea_entry>> load_eas(const vfs::open_file& file);

} // namespace leasebreak::smb::commands
