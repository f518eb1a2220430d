// Names on the disk that a client cannot say, and how a client sees them.
//
// | on the disk                                        | for a client            |
// |----------------------------------------------------|-------------------------|
// | U+0001 to U+001F                                   | U+F001 to U+F01F        |
// | `"` `*` `:` `<` `>` `?` `\` <code>&#124;</code>    | U+F020 to U+F027        |
// | a space or a dot at the end                        | U+F028, U+F029          |
// | a byte that is not UTF-8, or of a character above  | U+EF80 to U+EFFF        |
//
// The first three are those of Services for Macintosh, which the Linux kernel's client has as well.
// The last one makes the mapping reversible: a name that really has such a character is shown with
// each of its bytes mapped, so that it is not taken for another name.
#pragma once

#include "errors.hpp"

#include <string>
#include <string_view>

namespace leasebreak::smb::vfs {

/// The client's name of a directory entry: valid UTF-8 without forbidden characters. Different
/// entries have different names.
[[nodiscard]] std::string to_client_name(std::string_view on_disk);

/// The directory entry of a client's name, the inverse of `to_client_name`. Also accepts a space or
/// a dot at the end as it is. Errors: `errc::invalid_name` for a name that no entry has.
[[nodiscard]] result<std::string> to_disk_name(std::string_view of_client);

} // namespace leasebreak::smb::vfs
