// SPNEGO's tokens (RFC 4178, MS-SPNG), by which client and server agree on a mechanism.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <optional>
#include <vector>

namespace leasebreak::smb::spnego {

/// RFC 4178 4.2.2, `negState`.
enum class state : std::uint8_t {
  accept_completed = 0,
  accept_incomplete = 1,
  reject = 2,
  request_mic = 3,
};

/// A client's token. All views refer to the parsed bytes.
struct token {
  bool is_first = false; ///< NegTokenInit; NegTokenResp otherwise.

  // NegTokenInit.
  std::vector<bytes_view> mechanisms; ///< Object identifiers, the preferred one first.
  bytes_view mechanism_list; ///< The same in DER as received, which `mechListMIC` covers.

  // NegTokenResp.
  std::optional<std::uint8_t> answered; ///< `negState`; any octet.
  std::optional<bytes_view> mic; ///< `mechListMIC`.

  // Both.
  std::optional<bytes_view> mechanism_token; ///< `mechToken` or `responseToken`.
};

/// More mechanisms than any client offers; a longer list counts as malformed.
inline constexpr std::size_t mechanisms_max = 32;

/// Returns nothing if the token is malformed. Ignores `reqFlags`, `negHints`, a `mechListMIC` in
/// the first token, and fields of later versions.
[[nodiscard]] std::optional<token> parse(bytes_view bytes);

/// NTLM's object identifier, 1.3.6.1.4.1.311.2.2.10, as the content of a DER element.
[[nodiscard]] bytes_view ntlmssp() noexcept;

/// The token of NEGOTIATE's response: offers NTLM, in a NegTokenInit2 with a hint that old clients
/// ignore (MS-SPNG 2.2.1, 3.2.5.2).
[[nodiscard]] byte_vector make_offer();

/// The server's fields of a NegTokenResp; an empty field is omitted.
struct response {
  spnego::state state = state::reject;
  bool names_ntlmssp = false; ///< `supportedMech`.
  bytes_view mechanism_token;
  bytes_view mic;
};

[[nodiscard]] byte_vector make_response(const response& r);

} // namespace leasebreak::smb::spnego
