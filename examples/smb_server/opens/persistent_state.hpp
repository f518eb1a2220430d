// What the server has to know of a persistent open after a restart, besides what the coordinator
// knows (MS-SMB2 3.3.1.10).
#pragma once

#include <smb_server/opens/open.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::smb {

/// Kept in the open's record. A value.
struct persistent_state {
  std::string user; ///< Who opened it.
  std::string name; ///< As the client named it, or as it was renamed.
  std::uint32_t options = 0; ///< CreateOptions.
  std::uint32_t timeout_ms = 0; ///< As the client asked for it.
  std::optional<lease_key> parent_key;
  std::string name_before; ///< Not empty: `name` is that of a rename, which may not have been done.
  std::uint64_t position = 0; ///< FilePositionInformation.
  vfs::create_action action = vfs::create_action::opened; ///< What its CREATE did, as answered.

  friend bool operator==(const persistent_state&, const persistent_state&) = default;
};

/// As bytes, with a version in front.
[[nodiscard]] std::string to_bytes(const persistent_state& s);

/// Also of the versions before: the first had no more than the first five members, the second had
/// no `action`. Nothing if the bytes are not those of a state, or of a version to come.
[[nodiscard]] std::optional<persistent_state> parse_persistent_state(std::string_view bytes);

} // namespace leasebreak::smb
