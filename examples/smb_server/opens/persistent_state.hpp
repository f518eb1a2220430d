// The server's part of a persistent open's record, which a restart recovers (MS-SMB2 3.3.1.10).
#pragma once

#include <smb_server/opens/open.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leasebreak::smb {

/// Stored in the open's record. A value type.
struct persistent_state {
  std::string user; ///< The user that opened it.
  std::string name; ///< The name that the client used, or the name after a rename.
  std::uint32_t options = 0; ///< CreateOptions.
  std::uint32_t timeout_ms = 0; ///< As requested by the client.
  std::optional<lease_key> parent_key;
  /// If not empty: the name before a rename to `name`, which may not have happened.
  std::string name_before;
  std::uint64_t position = 0; ///< FilePositionInformation.
  /// The action that the CREATE response reported.
  vfs::create_action action = vfs::create_action::opened;

  friend bool operator==(const persistent_state&, const persistent_state&) = default;
};

/// Returns the encoded state, which starts with a version.
[[nodiscard]] std::string to_bytes(const persistent_state& s);

/// Also decodes older versions. Version 1 ends after the first five members, version 2 has no
/// `action`. Returns nothing if the bytes are malformed or of a newer version.
[[nodiscard]] std::optional<persistent_state> parse_persistent_state(std::string_view bytes);

} // namespace leasebreak::smb
