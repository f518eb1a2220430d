// Who is it? Session setup's tokens through GSSAPI (RFC 2743; MS-SMB2 3.3.5.5.3).
#pragma once

#include <smb_server/wire/byte_writer.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::smb {

/// A user and a password.
using user_account = std::pair<std::string, std::string>;

/// The acceptor's credentials: NTLM within SPNEGO, against a list of users. One for the process,
/// since the NTLM mechanism finds its list through the environment.
///
/// *Threads*: `initial_token` and the making of acceptors are safe from any thread.
class gss_credentials {
public:
  /// Writes the users to a private file, which lasts as long as the object, and acquires the
  /// credentials. Call it before there are threads: it sets environment variables.
  /// Throws `std::runtime_error` with what GSSAPI says, and `std::invalid_argument` for a user,
  /// password or domain that the file cannot hold, and for users that differ in case alone.
  /// Sets the process's LC_CTYPE to UTF-8, without which the mechanism knows ASCII letters only.
  gss_credentials(const std::vector<user_account>& users, const std::string& domain);
  ~gss_credentials();
  gss_credentials(const gss_credentials&) = delete;
  gss_credentials& operator=(const gss_credentials&) = delete;

  /// What NEGOTIATE's answer offers: the mechanisms (MS-SPNG 2.2.1).
  [[nodiscard]] byte_vector initial_token() const;

  /// The account's name, as it was given to the constructor, with its domain in front: clients may
  /// write it in either case, and leave the domain out. Empty if there is none of this name.
  [[nodiscard]] std::string account_of(const std::string& told) const;

  struct implementation;
  [[nodiscard]] const implementation& get() const noexcept { return *implementation_; }

private:
  std::unique_ptr<implementation> implementation_;
};

/// What one round led to.
struct gss_step {
  enum class outcome { more, done, refused };
  outcome result = outcome::refused;
  byte_vector token; ///< For the client; may be empty.
  std::string problem; ///< Refused: what GSSAPI says, for the log.
};

/// One session setup in progress. May block in `step`: call it where that does no harm. One thread
/// at a time.
class gss_acceptor {
public:
  /// `credentials` must outlive the object.
  explicit gss_acceptor(const gss_credentials& credentials);
  ~gss_acceptor();
  gss_acceptor(const gss_acceptor&) = delete;
  gss_acceptor& operator=(const gss_acceptor&) = delete;

  [[nodiscard]] gss_step step(bytes_view token);

  /// After `done`: as `gss_credentials::account_of`.
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  [[nodiscard]] const byte_vector& session_key() const noexcept { return session_key_; }

private:
  struct context;
  const gss_credentials& credentials_;
  std::unique_ptr<context> context_;
  std::string user_;
  byte_vector session_key_;
};

} // namespace leasebreak::smb
