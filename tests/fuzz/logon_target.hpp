// The tokens of a logon, from a client that knows the password or does not.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <vector>

namespace leasebreak::smb::fuzz {

/// A client's tokens, as the corpus keeps them: a byte that is odd if the client knows the
/// password, then each token with two bytes of length in front.
struct recorded_logon {
  bool knows_password = false;
  std::vector<byte_vector> tokens;
};

/// Any bytes are a logon; a fifth token and what follows it are left out.
[[nodiscard]] recorded_logon decode_logon(bytes_view bytes);
[[nodiscard]] byte_vector encode_logon(const recorded_logon& l);

/// What a logon came to.
enum class logon_end { refused, unfinished, done };

/// Plays the tokens against a server with the users `user` and `other`. If the client knows the
/// password, proof and MICs are made right wherever a token has them; so whatever else random bytes
/// hold is reached behind them.
/// Throws `std::logic_error` if a client is let in that does not know the password, one without a
/// name, one whose response is not NTLMv2's, or anybody after a refusal.
logon_end play_logon(bytes_view bytes);

} // namespace leasebreak::smb::fuzz
