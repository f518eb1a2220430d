// The users that may log on.
#pragma once

#include <smb_server/crypto/digest.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::smb {

/// A user and a password.
using user_account = std::pair<std::string, std::string>;

/// Users by name, with the hash that NTLM knows a password by. Never changes.
///
/// *Threads*: all functions are safe from any thread.
class account_list {
public:
  struct entry {
    std::string name; ///< As it was given, with the domain in front: `DOMAIN\user`.
    key16 nt_hash{};
  };

  /// The domain stands in the accounts' names and in NTLM's challenge, in ASCII upper case. It
  /// decides nothing: clients may send any.
  /// Throws `std::invalid_argument` for a name or domain that clients cannot send, for an empty or
  /// malformed password, and for users whose names differ in case alone; `std::runtime_error` if
  /// the old algorithms or the locale are missing.
  account_list(const std::vector<user_account>& users, const std::string& domain);

  /// By name, in either case. Null if there is no such user.
  [[nodiscard]] const entry* find(std::string_view name) const;

  [[nodiscard]] const std::string& domain() const noexcept { return domain_; }

private:
  std::string domain_;
  std::map<std::u32string, entry> entries_; ///< By name in lower case.
};

} // namespace leasebreak::smb
