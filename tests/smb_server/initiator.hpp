// The client's side of session setup: NTLM within SPNEGO, through GSSAPI.
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <memory>
#include <string>

namespace leasebreak::smb::testing {

/// Logs on with a password. Throws `std::runtime_error` if GSSAPI refuses to make a token.
class initiator {
public:
  initiator(const std::string& user, const std::string& password);
  ~initiator();
  initiator(const initiator&) = delete;
  initiator& operator=(const initiator&) = delete;

  /// The next token for the server, from its last one; the first call takes an empty one.
  byte_vector step(bytes_view token);

  [[nodiscard]] byte_vector session_key() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace leasebreak::smb::testing
