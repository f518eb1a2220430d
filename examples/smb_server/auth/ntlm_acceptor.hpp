// The server's side of NTLM (MS-NLMP 3.2): verifies that a client knows a user's password.
#pragma once

#include <smb_server/auth/accounts.hpp>
#include <smb_server/auth/ntlm_keys.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace leasebreak::smb::ntlm {

/// One authentication. Accepts only NTLMv2's NT response; there are no anonymous users or guests.
///
/// *Threads*: not thread-safe. *Errors*: functions throw like `hmac_md5`, and `std::bad_alloc`;
/// this ends the authentication.
class acceptor {
public:
  /// `accounts` and `computer` must outlive the object.
  acceptor(const account_list& accounts, const std::string& computer,
    std::chrono::system_clock::time_point now)
    : accounts_{accounts}, computer_{computer}, now_{now} {}

  /// Processes NEGOTIATE_MESSAGE. Returns CHALLENGE_MESSAGE, or nothing if the message is malformed
  /// or not the first one.
  [[nodiscard]] std::optional<byte_vector> challenge(bytes_view negotiate);

  /// Processes AUTHENTICATE_MESSAGE, once, after `challenge`. Returns the problem for the log, or
  /// an empty string if the client has proved that it is `user`.
  [[nodiscard]] std::string authenticate(bytes_view message);

  /// After success: the user, as in `account_list::entry::name`.
  [[nodiscard]] const std::string& user() const noexcept { return user_; }

  /// After success: ExportedSessionKey.
  [[nodiscard]] const key16& session_key() const noexcept { return session_key_; }

  /// After success: whether both sides can sign with NTLM, which SPNEGO's `mechListMIC` needs.
  [[nodiscard]] bool can_sign() const noexcept {
    return (flags_ & flag::extended_session_security) != 0;
  }

  /// After success, if `can_sign`: the signature of the first message in direction `d`.
  [[nodiscard]] key16 signature_of(direction d, bytes_view message) const {
    return first_signature(session_key_, flags_, d, message);
  }

private:
  enum class stage { fresh, challenged, over };

  [[nodiscard]] std::string check_response(
    const smb::ntlm::authenticate& a, const nt_response_v2& response);
  [[nodiscard]] std::string check_mic(
    const smb::ntlm::authenticate& a, const nt_response_v2& response, bytes_view message) const;

  const account_list& accounts_;
  const std::string& computer_;
  std::chrono::system_clock::time_point now_;
  stage stage_ = stage::fresh;
  challenge_bytes server_challenge_{};
  byte_vector negotiate_; ///< The MIC covers it.
  byte_vector challenge_;
  std::uint32_t flags_ = 0;
  std::string user_;
  key16 session_key_{};
};

} // namespace leasebreak::smb::ntlm
