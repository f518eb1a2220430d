// Plays logon tokens of clients that know the password, and of clients that do not.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <vector>

namespace leasebreak::smb::fuzz {

/// A client's tokens in the format of the corpus: a byte that is odd if the client knows the
/// password, then each token, preceded by a length of two bytes.
struct recorded_logon {
  bool knows_password = false;
  std::vector<byte_vector> tokens;
};

/// Accepts any bytes; ignores everything after the fourth token.
[[nodiscard]] recorded_logon decode_logon(bytes_view bytes);
[[nodiscard]] byte_vector encode_logon(const recorded_logon& l);

/// The outcome of a logon.
enum class logon_end { refused, unfinished, done };

/// Plays the tokens against a server with the users `user` and `other`. If the client knows the
/// password, first makes the proof and the MICs of each token valid, so that random changes of the
/// other fields are parsed instead of being refused for a wrong proof.
/// Throws `std::logic_error` if the server admits a client without the password, without a name or
/// without an NTLMv2 response, or any client after a refusal.
logon_end play_logon(bytes_view bytes);

} // namespace leasebreak::smb::fuzz
