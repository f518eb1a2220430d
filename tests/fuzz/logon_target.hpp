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
/// password, the proof and the MICs of each token are made right first. Random changes of the other
/// fields are then parsed instead of being refused for a wrong proof.
/// Throws `std::logic_error` if the server lets in a client without the password, without a name or
/// without an NTLMv2 response, or any client after a refusal.
logon_end play_logon(bytes_view bytes);

} // namespace leasebreak::smb::fuzz
