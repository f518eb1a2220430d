// Users and their hashes.
#include <smb_server/auth/accounts.hpp>

#include <smb_server/auth/name_case.hpp>
#include <smb_server/crypto/legacy.hpp>

#include <stdexcept>

namespace leasebreak::smb {

namespace {

/// Whether the text is UTF-8, not empty, and without control characters and those of `forbidden`.
bool is_name(const std::string& text, std::string_view forbidden) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == 0x7f || forbidden.find(c) != std::string_view::npos)
      return false;
  }
  return !text.empty() && fold_case(text);
}

std::string checked_domain(const std::string& domain) {
  if (!is_name(domain, "\\/"))
    throw std::invalid_argument("a domain must be UTF-8 and not empty, without a slash, a "
                                "backslash or a control character: '" +
      domain + "'");
  return ascii_upper(domain);
}

void check_account(const user_account& account) {
  if (!is_name(account.first, "\\/"))
    throw std::invalid_argument("a user's name must be UTF-8 and not empty, without a slash, a "
                                "backslash or a control character: '" +
      account.first + "'");
  if (account.second.empty() || !fold_case(account.second))
    throw std::invalid_argument(
      "a password must be UTF-8 and not empty: that of user '" + account.first + "' is not");
}

} // namespace

account_list::account_list(const std::vector<user_account>& users, const std::string& domain)
  : domain_{checked_domain(domain)} {
  load_legacy_algorithms();
  for (const user_account& account : users) {
    check_account(account);
    entry e{domain_ + "\\" + account.first, nt_hash(account.second)};
    if (!entries_.emplace(fold_case(account.first).value(), std::move(e)).second)
      throw std::invalid_argument(
        "the user '" + account.first + "' is given twice; names are case-insensitive");
  }
}

const account_list::entry* account_list::find(std::string_view name) const {
  const auto key = fold_case(name);
  const auto found = key ? entries_.find(*key) : entries_.end();
  return found == entries_.end() ? nullptr : &found->second;
}

} // namespace leasebreak::smb
