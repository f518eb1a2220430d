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

/// Users by name, with NTLM's hashes of their passwords. Immutable.
///
/// *Threads*: all functions are thread-safe.
class account_list {
public:
  struct entry {
    std::string name; ///< The given name, preceded by the domain: `DOMAIN\user`.
    key16 nt_hash{};
  };

  /// The domain appears in ASCII upper case in the accounts' names and in NTLM's challenge. It has
  /// no other effect: clients may send any domain. Throws `std::invalid_argument` for a name or
  /// domain that clients cannot send, for an empty or malformed password, and for users whose names
  /// differ only in case. Throws `std::runtime_error` if the old algorithms or the locale are
  /// missing.
  account_list(const std::vector<user_account>& users, const std::string& domain);

  /// Finds a user by case-insensitive name. Returns null if there is none.
  [[nodiscard]] const entry* find(std::string_view name) const;

  [[nodiscard]] const std::string& domain() const noexcept { return domain_; }

private:
  std::string domain_;
  std::map<std::u32string, entry> entries_; ///< By name in lower case.
};

} // namespace leasebreak::smb
