// Extended attributes in QUERY_INFO, SET_INFO and CREATE.
#pragma once

#include <smb_server/commands/commands.hpp>
#include <smb_server/wire/extended_attributes.hpp>
#include <smb_server/wire/query.hpp>

namespace leasebreak::smb::commands {

/// FileFullEaInformation: returns all attributes, or those that the request names (MS-FSA
/// 2.1.5.12.11). Does not continue an earlier query: each starts with the first attribute.
asio::awaitable<reply> query_eas(query_info_request asked, open_ptr o);

/// FileFullEaInformation: sets them, and removes those without a value (MS-FSA 2.1.5.15.6).
asio::awaitable<reply> set_eas(request& r, const set_info_request& asked, open_ptr o);

/// Converts entries to the type of the file system library.
[[nodiscard]] std::vector<vfs::extended_attribute> to_attributes(std::vector<ea_entry> entries);

/// Loads the attributes of a file, at most as many as clients can get. Blocks on the disk.
[[nodiscard]] vfs::result<std::vector<ea_entry>> load_eas(const vfs::open_file& file);

} // namespace leasebreak::smb::commands
