// One logon with the tokens of SESSION_SETUP: NTLM inside SPNEGO or alone (MS-SMB2 3.3.5.5.3,
// MS-SPNG).
#pragma once

#include <smb_server/auth/ntlm_acceptor.hpp>
#include <smb_server/auth/spnego.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace leasebreak::smb {

/// The result of one token.
struct logon_step {
  enum class outcome { more, done, refused };
  outcome result = outcome::refused;
  byte_vector token; ///< For the client; may be empty.
  std::string problem; ///< If refused: the reason for the log, with quoted names.
};

/// A logon in progress. It processes at most three tokens, and ends with the first error.
///
/// *Threads*: not thread-safe. Never blocks.
class logon {
public:
  /// `accounts` and `computer`, the server's host name, must outlive the object. `now` is what it
  /// tells clients.
  logon(const account_list& accounts, const std::string& computer,
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now())
    : ntlm_{accounts, computer, now} {}

  /// The same, and keeps the accounts.
  logon(std::shared_ptr<const account_list> accounts, const std::string& computer,
    std::chrono::system_clock::time_point now)
    : accounts_{std::move(accounts)}, ntlm_{*accounts_, computer, now} {}

  /// Processes the client's next token. Throws `std::bad_alloc` or `std::runtime_error` if memory
  /// or OpenSSL fails; this ends the logon.
  [[nodiscard]] logon_step step(bytes_view token);

  /// After `done`: the user, as in `account_list::entry::name`.
  [[nodiscard]] const std::string& user() const noexcept { return ntlm_.user(); }
  [[nodiscard]] const key16& session_key() const noexcept { return ntlm_.session_key(); }

private:
  /// The expected next token.
  enum class awaits { anything, ntlm_authenticate, spnego_negotiate, spnego_authenticate, nothing };

  [[nodiscard]] logon_step begin(bytes_view token);
  [[nodiscard]] logon_step begin_spnego(const spnego::token& t);
  [[nodiscard]] logon_step challenge(bytes_view message, awaits next);
  [[nodiscard]] logon_step authenticate(bytes_view token);
  [[nodiscard]] logon_step authenticate_spnego(const spnego::token& t);

  std::shared_ptr<const account_list> accounts_; ///< May be null.
  ntlm::acceptor ntlm_;
  awaits awaits_ = awaits::anything;
  byte_vector mechanism_list_; ///< SPNEGO's `mechListMIC` covers it.
  bool needs_mic_ = false;
};

} // namespace leasebreak::smb
