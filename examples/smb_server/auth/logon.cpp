// Logons with NTLM, inside SPNEGO or alone.
#include <smb_server/auth/logon.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::smb {

namespace {

logon_step refuse(std::string problem) {
  return {logon_step::outcome::refused, {}, std::move(problem)};
}

logon_step go_on(byte_vector token) {
  return {logon_step::outcome::more, std::move(token), {}};
}

logon_step finish(byte_vector token) {
  return {logon_step::outcome::done, std::move(token), {}};
}

bool is_ntlmssp(bytes_view mechanism) {
  const bytes_view name = spnego::ntlmssp();
  return std::equal(mechanism.begin(), mechanism.end(), name.begin(), name.end());
}

} // namespace

logon_step logon::step(bytes_view token) {
  const awaits now = std::exchange(awaits_, awaits::nothing);
  if (now == awaits::nothing)
    return refuse("a token after the last one");
  if (now == awaits::anything)
    return begin(token);
  if (now == awaits::ntlm_authenticate)
    return authenticate(token);
  const auto t = spnego::parse(token);
  if (!t || t->is_first || t->answered == static_cast<std::uint8_t>(spnego::state::reject))
    return refuse("no further SPNEGO token");
  if (now == awaits::spnego_negotiate)
    return challenge(t->mechanism_token.value_or(bytes_view{}), awaits::spnego_authenticate);
  return authenticate_spnego(*t);
}

logon_step logon::begin(bytes_view token) {
  // Some clients, for example the Linux kernel, send NTLM without SPNEGO.
  if (ntlm::is_message(token))
    return challenge(token, awaits::ntlm_authenticate);
  const auto t = spnego::parse(token);
  if (!t || !t->is_first)
    return refuse("no first token of SPNEGO or NTLM");
  return begin_spnego(*t);
}

logon_step logon::begin_spnego(const spnego::token& t) {
  if (std::none_of(t.mechanisms.begin(), t.mechanisms.end(), is_ntlmssp))
    return refuse("a client that offers no NTLM");
  mechanism_list_.assign(t.mechanism_list.begin(), t.mechanism_list.end());
  const bool is_preferred = is_ntlmssp(t.mechanisms.front());
  // RFC 4178 5: an attacker could have removed the client's first choice from the list in transit.
  // `mechListMIC` proves that the list is unchanged.
  needs_mic_ = !is_preferred;
  if (is_preferred && t.mechanism_token)
    return challenge(*t.mechanism_token, awaits::spnego_authenticate);
  spnego::response r;
  r.state = is_preferred ? spnego::state::accept_incomplete : spnego::state::request_mic;
  r.names_ntlmssp = true;
  awaits_ = awaits::spnego_negotiate;
  return go_on(spnego::make_response(r));
}

logon_step logon::challenge(bytes_view message, awaits next) {
  auto challenge = ntlm_.challenge(message);
  if (!challenge)
    return refuse("no NEGOTIATE_MESSAGE of NTLM");
  awaits_ = next;
  if (next == awaits::ntlm_authenticate)
    return go_on(std::move(*challenge));
  spnego::response r;
  r.state = spnego::state::accept_incomplete;
  r.names_ntlmssp = true;
  r.mechanism_token = *challenge;
  return go_on(spnego::make_response(r));
}

logon_step logon::authenticate(bytes_view token) {
  if (std::string problem = ntlm_.authenticate(token); !problem.empty())
    return refuse(std::move(problem));
  return finish({});
}

logon_step logon::authenticate_spnego(const spnego::token& t) {
  if (std::string problem = ntlm_.authenticate(t.mechanism_token.value_or(bytes_view{}));
      !problem.empty())
    return refuse(std::move(problem));
  spnego::response r;
  r.state = spnego::state::accept_completed;
  if (!t.mic)
    return needs_mic_ ? refuse("no mechListMIC, though NTLM was not the first choice")
                      : finish(spnego::make_response(r));
  using ntlm::direction;
  if (!ntlm_.can_sign() ||
    !are_equal(ntlm_.signature_of(direction::to_server, mechanism_list_), *t.mic))
    return refuse("a wrong mechListMIC: the list of mechanisms was changed in transit");
  const key16 mine = ntlm_.signature_of(direction::to_client, mechanism_list_);
  r.mic = mine;
  return finish(spnego::make_response(r));
}

} // namespace leasebreak::smb
