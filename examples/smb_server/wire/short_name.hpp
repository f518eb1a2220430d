// Short names as DOS had them (MS-FSCC 2.1.5.2.1).
#pragma once

#include <string>
#include <string_view>

namespace leasebreak::smb {

/// Returns the name itself if it is a short one, else one of the form `ABCD~XYZ.EXT` that depends
/// only on the name. For display alone: no file can be opened by it. Empty for an empty name.
[[nodiscard]] std::string short_name_of(std::string_view name);

} // namespace leasebreak::smb
