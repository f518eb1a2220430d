// The client's side of a logon: NTLM within SPNEGO or alone, like stock clients or with errors.
#pragma once

#include <smb_server/auth/ntlm_keys.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::smb::testing {

/// How a client logs on. The defaults match most current clients.
struct logon_script {
  std::string user = "user";
  std::string password = "pass";
  std::string domain = "WORKGROUP";

  // -- SPNEGO --
  bool uses_spnego = true;
  bool is_optimistic = true; ///< The first token contains NTLM's first message.
  bool prefers_kerberos = false; ///< Another mechanism comes first in the list.
  std::optional<byte_vector> required_flags; ///< `reqFlags`: the content of a BIT STRING.
  enum class list_mic { none, right, wrong };
  list_mic signs_list = list_mic::right;

  // -- NTLM --
  std::uint32_t flags = ntlm::flag::unicode | ntlm::flag::request_target | ntlm::flag::sign |
    ntlm::flag::ntlm | ntlm::flag::always_sign | ntlm::flag::extended_session_security |
    ntlm::flag::version | ntlm::flag::key_128 | ntlm::flag::key_exchange | ntlm::flag::key_56;
  std::size_t negotiate_bytes = 40; ///< Length of NEGOTIATE_MESSAGE, which is truncated.
  /// Whether AUTHENTICATE_MESSAGE has a version. Without it, the MIC or the payload follows the
  /// flags.
  bool has_version_field = true;
  /// `claimed`: MsvAvFlags claims a MIC, but the message has no room for it.
  enum class mic { none, right, wrong, claimed };
  mic signs_messages = mic::right;
  /// The NT response. The LM response is valid if `lm_is_right`, and zeros otherwise.
  enum class response { ntlm_v2, wrong_proof, version_1, empty, cut_off, version_field_2 };
  response nt = response::ntlm_v2;
  bool lm_is_right = false;
  std::function<std::string(std::string)> to_upper; ///< For the user's name; ASCII only unless set.
  std::function<void(byte_vector&)> change_authenticate; ///< Applied last, after the MIC.
};

/// One logon. Throws `std::runtime_error` if the server's token is not as expected.
class initiator {
public:
  explicit initiator(logon_script script) : script_{std::move(script)} {}
  initiator(const std::string& user, const std::string& password);

  /// Returns the next token for the server, given its last one. The first call takes an empty
  /// token. An empty result ends the client's side.
  byte_vector step(bytes_view token);

  /// Call it after NTLM's last message was built.
  [[nodiscard]] const key16& session_key() const noexcept { return session_key_; }

private:
  [[nodiscard]] byte_vector first_token();
  [[nodiscard]] byte_vector make_negotiate();
  [[nodiscard]] byte_vector make_authenticate(bytes_view challenge);
  [[nodiscard]] byte_vector make_nt_response(bytes_view target_info);
  [[nodiscard]] byte_vector make_lm_response() const;
  [[nodiscard]] byte_vector assemble(bytes_view nt_response);
  void read_challenge(bytes_view challenge);
  void check_last(bytes_view token) const;

  logon_script script_;
  enum class stage { fresh, offered, negotiated, authenticated };
  stage stage_ = stage::fresh;
  byte_vector mechanism_list_;
  byte_vector negotiate_;
  byte_vector challenge_;
  std::uint32_t flags_ = 0;
  ntlm::challenge_bytes server_challenge_{};
  key16 response_key_{};
  key16 base_key_{};
  key16 session_key_{};
};

} // namespace leasebreak::smb::testing
