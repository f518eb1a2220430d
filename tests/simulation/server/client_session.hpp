// A session from its client's view, and how it protects frames (MS-SMB2 3.2.1.3, 3.1.4).
#pragma once

#include <smb_server/crypto/sealing.hpp>
#include <smb_server/wire/header.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>

namespace leasebreak::smb::simulation {

enum class protection : std::uint8_t { none, signs, seals };

/// What a client negotiates for a session. Equal on all of its channels.
struct terms {
  smb::dialect dialect = dialect::smb_3_0_2;
  signing_algorithm algorithm = signing_algorithm::hmac_sha256;
  smb::cipher cipher = cipher::none;
  protection with = protection::none;
};

struct client_session {
  client_session(std::size_t whose, const terms& t) : client{whose}, agreed{t} {}

  const std::size_t client;
  const terms agreed;
  std::uint64_t id = 0;
  std::uint32_t tree = 0;
  std::optional<key16> key; ///< Of the first channel. It also signs the binding of others.
  std::optional<sealing_keys> sealing;
  std::uint64_t sealed = 0; ///< Number of encrypted frames of the client; also the nonce of each.
  std::set<std::array<std::uint8_t, 16>> nonces; ///< Of the server's encrypted frames.
  std::uint16_t sequence = 0; ///< The ChannelSequence: the number of channels that were lost.
  std::uint64_t previous = 0; ///< The session that it replaces.
  bool is_up = false; ///< It has a tree connect.
  bool is_over = false; ///< The client uses it no longer.

  [[nodiscard]] bool has_channels() const noexcept { return agreed.dialect >= dialect::smb_3_0; }
};

using session_ptr = std::shared_ptr<client_session>;

/// The body of a NEGOTIATE that has exactly these terms as the result.
[[nodiscard]] byte_vector negotiation_of(const terms& t, const guid& client);

} // namespace leasebreak::smb::simulation
