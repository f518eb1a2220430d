// NTLM's server side.
#include <smb_server/auth/ntlm_acceptor.hpp>

#include <smb_server/auth/name_case.hpp>
#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/utf16.hpp>

#include <leasebreak/model/quoted.hpp>

#include <chrono>

namespace leasebreak::smb::ntlm {

namespace {

/// Converts a text to UTF-16LE. OEM text must be ASCII; otherwise returns nothing.
std::optional<byte_vector> unicode_of(bytes_view text, std::uint32_t flags) {
  if ((flags & flag::unicode) != 0) {
    if (text.size() % 2 != 0)
      return std::nullopt;
    return byte_vector(text.begin(), text.end());
  }
  byte_writer out;
  for (const std::uint8_t c : text) {
    if (c >= 0x80)
      return std::nullopt;
    out.u16(c);
  }
  return out.take();
}

/// Converts only ASCII letters to upper case, like some clients.
byte_vector to_ascii_upper_case(bytes_view text) {
  byte_writer out;
  byte_reader in{text};
  while (in.remaining() > 0) {
    const std::uint16_t unit = in.u16();
    const bool is_lower = unit >= 'a' && unit <= 'z';
    out.u16(is_lower ? static_cast<std::uint16_t>(unit - 'a' + 'A') : unit);
  }
  return out.take();
}

/// Finds the account. If the domain field is empty, the user may have the form `user@domain`.
const account_list::entry* find_account(
  const account_list& accounts, const std::string& user, bool has_domain) {
  const account_list::entry* found = accounts.find(user);
  if (found == nullptr && !has_domain)
    found = accounts.find(std::string_view{user}.substr(0, user.rfind('@')));
  return found;
}

/// Returns the client's response key if the proof is valid. Clients differ in the upper case of
/// non-ASCII letters, so both variants are tried.
std::optional<key16> prove(const key16& nt_hash, bytes_view user, bytes_view domain,
  const challenge_bytes& server_challenge, const nt_response_v2& response) {
  std::optional<key16> result;
  for (const byte_vector& name : {to_upper_case(user), to_ascii_upper_case(user)}) {
    const key16 key = response_key(nt_hash, name, domain);
    if (are_equal(nt_proof(key, server_challenge, response.client_challenge), response.proof))
      result = key;
  }
  return result;
}

} // namespace

std::optional<byte_vector> acceptor::challenge(bytes_view negotiate) {
  const auto asked = parse_negotiate(negotiate);
  if (stage_ != stage::fresh || !asked)
    return std::nullopt;
  stage_ = stage::over; // in case the code below throws
  fill_random(server_challenge_);
  ntlm::challenge c;
  c.flags = answer_flags(*asked);
  c.server_challenge = server_challenge_;
  c.computer = computer_;
  c.domain = accounts_.domain();
  c.time = to_filetime(now_);
  challenge_ = encode(c);
  negotiate_.assign(negotiate.begin(), negotiate.end());
  stage_ = stage::challenged;
  return challenge_;
}

std::string acceptor::authenticate(bytes_view message) {
  if (stage_ != stage::challenged)
    return "an NTLM message out of order";
  stage_ = stage::over;
  const auto a = parse_authenticate(message);
  if (!a)
    return "no AUTHENTICATE_MESSAGE of NTLM";
  flags_ = a->flags;
  // MS-NLMP 3.2.5.1.2. Anonymous users have no name and no response.
  if ((a->flags & flag::anonymous) != 0 || a->user.empty() || a->nt_response.empty())
    return "an anonymous logon, or one without an NT response";
  const auto response = parse_nt_response(a->nt_response);
  if (!response)
    return "no NTLMv2 response";
  std::string problem = check_response(*a, *response);
  if (problem.empty())
    problem = check_mic(*a, *response, message);
  if (!problem.empty())
    user_.clear();
  return problem;
}

std::string acceptor::check_response(
  const smb::ntlm::authenticate& a, const nt_response_v2& response) {
  const auto user = unicode_of(a.user, a.flags);
  const auto domain = unicode_of(a.domain, a.flags);
  const auto name = user ? utf16_to_utf8(*user) : std::nullopt;
  if (!name || !domain)
    return "a user or a domain that is not text";
  const account_list::entry* account = find_account(accounts_, *name, !domain->empty());
  // Do the same work for an unknown user, so that the time does not reveal which users exist.
  const key16 hash = account != nullptr ? account->nt_hash : key16{};
  const auto key = prove(hash, *user, *domain, server_challenge_, response);
  if (account == nullptr)
    return "an unknown user: " + quoted(*name, 64);
  if (!key)
    return "a wrong password of " + account->name;
  const auto exported = exported_session_key(session_base_key(*key, response.proof), a);
  if (!exported)
    return "no session key, although the client announced one";
  user_ = account->name;
  session_key_ = *exported;
  return {};
}

/// MS-NLMP 3.2.5.1.2: the response's flags, which the password protects, say whether a MIC is
/// present.
std::string acceptor::check_mic(
  const smb::ntlm::authenticate& a, const nt_response_v2& response, bytes_view message) const {
  if ((response.flags & av::has_mic) == 0)
    return {};
  const auto mic_at = mic_offset(a);
  if (!mic_at)
    return "no MIC, although the client announced one";
  const key16 expected =
    message_integrity_code(session_key_, negotiate_, challenge_, message, *mic_at);
  if (!are_equal(expected, message.subspan(*mic_at, expected.size())))
    return "a wrong MIC: a message was changed in transit";
  return {};
}

} // namespace leasebreak::smb::ntlm
