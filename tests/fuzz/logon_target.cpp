// Plays logon tokens, and checks which clients are admitted.
#include "logon_target.hpp"

#include "require.hpp"

#include <smb_server/auth/logon.hpp>
#include <smb_server/auth/name_case.hpp>

#include <algorithm>

namespace leasebreak::smb::fuzz {

namespace {

constexpr std::size_t tokens_max = 4;
const std::string password = "pass";

const account_list& accounts() {
  static const account_list list{{{"user", password}, {"other", password}}, "WORKGROUP"};
  return list;
}

/// Overwrites `part`, which lies within `whole`, with `value`.
void overwrite(byte_vector& whole, bytes_view part, bytes_view value) {
  if (part.size() >= value.size())
    std::copy(value.begin(), value.end(), whole.begin() + (part.data() - whole.data()));
}

/// Returns the NTLM message in the parsed token `t`, or `token` itself if that is not SPNEGO.
bytes_view ntlm_message(const std::optional<spnego::token>& t, bytes_view token) {
  return t ? t->mechanism_token.value_or(bytes_view{}) : token;
}

/// A client that computes valid proofs and MICs for arbitrary tokens.
class forger {
public:
  /// Remembers the messages that MICs cover.
  void note_sent(bytes_view token) {
    const auto t = spnego::parse(token);
    const bytes_view message = ntlm_message(t, token);
    if (t && t->is_first)
      mechanism_list_.assign(t->mechanism_list.begin(), t->mechanism_list.end());
    if (ntlm::parse_negotiate(message))
      negotiate_.assign(message.begin(), message.end());
  }

  void note_received(bytes_view token) {
    const auto t = spnego::parse(token);
    const bytes_view message = ntlm_message(t, token);
    if (ntlm::is_message(message))
      challenge_.assign(message.begin(), message.end());
  }

  /// Replaces the proof and the MICs of `token` by valid ones, as far as possible.
  void repair(byte_vector& token) const {
    const auto t = spnego::parse(token);
    const bytes_view message = ntlm_message(t, token);
    const auto a = ntlm::parse_authenticate(message);
    const auto response = a ? ntlm::parse_nt_response(a->nt_response) : std::nullopt;
    if (!response || challenge_.size() < 32)
      return;
    ntlm::challenge_bytes nonce{};
    std::copy_n(challenge_.begin() + 24, nonce.size(), nonce.begin());
    const key16 key = ntlm::response_key(nt_hash(password), upper(*a), wide(a->domain, a->flags));
    const key16 proof = ntlm::nt_proof(key, nonce, response->client_challenge);
    const auto exported = ntlm::exported_session_key(ntlm::session_base_key(key, proof), *a);
    overwrite(token, a->nt_response, proof);
    const auto mic_at = ntlm::mic_offset(*a);
    if (exported && mic_at && (response->flags & ntlm::av::has_mic) != 0)
      overwrite(token, message.subspan(*mic_at, exported->size()),
        ntlm::message_integrity_code(*exported, negotiate_, challenge_, message, *mic_at));
    if (exported && t && t->mic)
      overwrite(token, *t->mic,
        ntlm::first_signature(*exported, a->flags, ntlm::direction::to_server, mechanism_list_));
  }

private:
  static byte_vector wide(bytes_view text, std::uint32_t flags) {
    if ((flags & ntlm::flag::unicode) != 0)
      return {text.begin(), text.end()};
    byte_writer out;
    for (const std::uint8_t c : text)
      out.u16(c);
    return out.take();
  }

  static byte_vector upper(const ntlm::authenticate& a) {
    byte_vector name = wide(a.user, a.flags);
    name.resize(name.size() / 2 * 2);
    return to_upper_case(name);
  }

  byte_vector mechanism_list_;
  byte_vector negotiate_;
  byte_vector challenge_;
};

/// Checks the last token of an admitted client.
void check_last(bytes_view token, const logon& server) {
  const auto t = spnego::parse(token);
  const auto a = ntlm::parse_authenticate(ntlm_message(t, token));
  require(
    a && !a->user.empty() && (a->flags & ntlm::flag::anonymous) == 0, "admitted without a name");
  require(ntlm::parse_nt_response(a->nt_response).has_value(), "admitted without NTLMv2");
  require(server.user() == "WORKGROUP\\user" || server.user() == "WORKGROUP\\other",
    "admitted without an account");
}

} // namespace

recorded_logon decode_logon(bytes_view bytes) {
  byte_reader in{bytes};
  recorded_logon result;
  result.knows_password = (in.u8() & 1) != 0;
  while (in.remaining() >= 2 && result.tokens.size() < tokens_max) {
    const bytes_view token = in.bytes(std::min<std::size_t>(in.u16(), in.remaining()));
    result.tokens.emplace_back(token.begin(), token.end());
  }
  return result;
}

byte_vector encode_logon(const recorded_logon& l) {
  byte_writer out;
  out.u8(l.knows_password ? 1 : 0);
  for (const byte_vector& token : l.tokens) {
    out.u16(static_cast<std::uint16_t>(token.size()));
    out.append(token);
  }
  return out.take();
}

logon_end play_logon(bytes_view bytes) {
  static const std::string computer = "server";
  recorded_logon client = decode_logon(bytes);
  logon server{accounts(), computer};
  forger secrets;
  logon_end result = logon_end::unfinished;
  for (byte_vector& token : client.tokens) {
    secrets.note_sent(token);
    if (client.knows_password)
      secrets.repair(token);
    const logon_step step = server.step(token);
    require(result == logon_end::unfinished || step.result == logon_step::outcome::refused,
      "a logon that continues after its end");
    require(step.problem.empty() == (step.result != logon_step::outcome::refused),
      "refused without a reason, or admitted with one");
    secrets.note_received(step.token);
    if (step.result == logon_step::outcome::refused) {
      result = logon_end::refused;
    } else if (step.result == logon_step::outcome::done) {
      require(client.knows_password, "admitted without the password");
      check_last(token, server);
      result = logon_end::done;
    }
  }
  return result;
}

} // namespace leasebreak::smb::fuzz
