// Builds a client's tokens without a security library.
#include "initiator.hpp"

#include <smb_server/auth/der.hpp>
#include <smb_server/auth/name_case.hpp>
#include <smb_server/auth/spnego.hpp>
#include <smb_server/crypto/legacy.hpp>
#include <smb_server/wire/utf16.hpp>

#include <stdexcept>

namespace leasebreak::smb::testing {

namespace {

using der::tag::context;

constexpr std::array<std::uint8_t, 8> signature_bytes{'N', 'T', 'L', 'M', 'S', 'S', 'P', 0};
constexpr std::array<std::uint8_t, 8> version_bytes{10, 0, 0x61, 0x4a, 0, 0, 0, 15};
constexpr std::array<std::uint8_t, 9> kerberos_oid{
  0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
constexpr std::array<std::uint8_t, 6> spnego_oid{0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
constexpr std::uint8_t bit_string = 0x03;
constexpr ntlm::challenge_bytes client_challenge{0xaa, 1, 2, 3, 4, 5, 6, 0xbb};

void require(bool holds, const char* what) {
  if (!holds)
    throw std::runtime_error(what);
}

byte_vector field(std::uint8_t number, bytes_view content) {
  return der::make(context(number), content);
}

/// NegTokenResp with these fields.
byte_vector make_response(bytes_view mechanism_token, bytes_view mic) {
  byte_writer fields;
  fields.append(field(2, der::make(der::tag::octet_string, mechanism_token)));
  if (!mic.empty())
    fields.append(field(3, der::make(der::tag::octet_string, mic)));
  return field(1, der::make(der::tag::sequence, fields.view()));
}

spnego::token parse_response(bytes_view token) {
  const auto t = spnego::parse(token);
  require(t && !t->is_first, "the server's token is no NegTokenResp");
  return *t;
}

} // namespace

initiator::initiator(const std::string& user, const std::string& password) {
  script_.user = user;
  script_.password = password;
}

byte_vector initiator::step(bytes_view token) {
  switch (stage_) {
  case stage::fresh:
    return first_token();
  case stage::offered:
    static_cast<void>(parse_response(token));
    stage_ = stage::negotiated;
    return make_response(make_negotiate(), {});
  case stage::negotiated:
    stage_ = stage::authenticated;
    return make_authenticate(token);
  default:
    check_last(token);
    return {};
  }
}

byte_vector initiator::first_token() {
  stage_ = stage::negotiated;
  if (!script_.uses_spnego)
    return make_negotiate();
  byte_writer names;
  if (script_.prefers_kerberos)
    names.append(der::make(der::tag::object_identifier, kerberos_oid));
  names.append(der::make(der::tag::object_identifier, spnego::ntlmssp()));
  mechanism_list_ = der::make(der::tag::sequence, names.view());
  byte_writer fields;
  fields.append(field(0, mechanism_list_));
  if (script_.required_flags)
    fields.append(field(1, der::make(bit_string, *script_.required_flags)));
  if (script_.prefers_kerberos)
    fields.append(field(2, der::make(der::tag::octet_string, byte_vector(50, 0x42))));
  else if (script_.is_optimistic)
    fields.append(field(2, der::make(der::tag::octet_string, make_negotiate())));
  if (script_.prefers_kerberos || !script_.is_optimistic)
    stage_ = stage::offered;
  byte_writer inner;
  inner.append(der::make(der::tag::object_identifier, spnego_oid));
  inner.append(field(0, der::make(der::tag::sequence, fields.view())));
  return der::make(der::tag::application_0, inner.view());
}

byte_vector initiator::make_negotiate() {
  byte_writer out;
  out.append(signature_bytes);
  out.u32(1);
  out.u32(script_.flags);
  out.zeros(16); // no domain, no workstation
  out.append(version_bytes);
  negotiate_ = out.take();
  negotiate_.resize(script_.negotiate_bytes);
  return negotiate_;
}

void initiator::read_challenge(bytes_view challenge) {
  challenge_.assign(challenge.begin(), challenge.end());
  byte_reader in{challenge};
  in.skip(20); // signature, type, name
  flags_ = in.u32() & script_.flags;
  const bytes_view nonce = in.bytes(server_challenge_.size());
  require(in.ok(), "the server's CHALLENGE_MESSAGE is cut off");
  std::copy(nonce.begin(), nonce.end(), server_challenge_.begin());
}

byte_vector initiator::make_authenticate(bytes_view token) {
  read_challenge(
    script_.uses_spnego ? parse_response(token).mechanism_token.value_or(bytes_view{}) : token);
  byte_reader in{challenge_};
  in.skip(40);
  const std::size_t length = in.u16();
  in.skip(2);
  const auto info = slice(challenge_, in.u32(), length);
  require(info.has_value(), "the server's target information is cut off");
  byte_vector message = assemble(make_nt_response(*info));
  if (script_.change_authenticate)
    script_.change_authenticate(message);
  if (!script_.uses_spnego)
    return message;
  key16 mic = first_signature(session_key_, flags_, ntlm::direction::to_server, mechanism_list_);
  if (script_.signs_list == logon_script::list_mic::wrong)
    mic[5] ^= 1;
  return make_response(
    message, script_.signs_list == logon_script::list_mic::none ? bytes_view{} : bytes_view{mic});
}

byte_vector initiator::make_nt_response(bytes_view target_info) {
  const byte_vector user =
    utf8_to_utf16(script_.to_upper ? script_.to_upper(script_.user) : ascii_upper(script_.user));
  response_key_ =
    ntlm::response_key(nt_hash(script_.password), user, utf8_to_utf16(script_.domain));
  byte_writer blob;
  blob.u8(script_.nt == logon_script::response::version_field_2 ? 2 : 1);
  blob.u8(1);
  blob.zeros(6);
  blob.u64(133'000'000'000'000'000);
  blob.append(client_challenge);
  blob.zeros(4);
  blob.append(target_info.first(target_info.size() - 4)); // without MsvAvEOL
  if (script_.signs_messages != logon_script::mic::none) {
    blob.u16(ntlm::av::flags);
    blob.u16(4);
    blob.u32(ntlm::av::has_mic);
  }
  blob.zeros(8); // MsvAvEOL and four zeros
  key16 proof = ntlm::nt_proof(response_key_, server_challenge_, blob.view());
  base_key_ = ntlm::session_base_key(response_key_, proof);
  if (script_.nt == logon_script::response::wrong_proof)
    proof[7] ^= 0x10;
  byte_writer out;
  out.append(proof);
  out.append(blob.view());
  byte_vector response = out.take();
  if (script_.nt == logon_script::response::version_1)
    response.resize(24);
  else if (script_.nt == logon_script::response::empty)
    response.clear();
  else if (script_.nt == logon_script::response::cut_off)
    response.resize(43);
  return response;
}

/// LMv2_RESPONSE (MS-NLMP 2.2.2.4).
byte_vector initiator::make_lm_response() const {
  if (!script_.lm_is_right)
    return byte_vector(24, 0);
  byte_writer out;
  out.append(ntlm::nt_proof(response_key_, server_challenge_, client_challenge));
  out.append(client_challenge);
  return out.take();
}

/// The message with its MIC.
byte_vector initiator::assemble(bytes_view nt_response) {
  const bool unicode = (flags_ & ntlm::flag::unicode) != 0;
  const auto text = [&](const std::string& s) {
    return unicode ? utf8_to_utf16(s) : byte_vector(s.begin(), s.end());
  };
  const bool exchanges = (flags_ & ntlm::flag::key_exchange) != 0;
  session_key_ = base_key_;
  if (exchanges)
    fill_random(session_key_);
  const std::vector<byte_vector> fields{make_lm_response(),
    {nt_response.begin(), nt_response.end()}, text(script_.domain), text(script_.user),
    text("WORKSTATION"), exchanges ? rc4(base_key_, session_key_) : byte_vector{}};
  const bool has_room = script_.signs_messages == logon_script::mic::right ||
    script_.signs_messages == logon_script::mic::wrong;
  const std::size_t mic_at = script_.has_version_field ? 72 : 64;
  std::size_t offset = mic_at + (has_room ? 16 : 0);
  byte_writer out;
  out.append(signature_bytes);
  out.u32(3);
  for (const byte_vector& f : fields) {
    out.u16(static_cast<std::uint16_t>(f.size()));
    out.u16(static_cast<std::uint16_t>(f.size()));
    out.u32(static_cast<std::uint32_t>(offset));
    offset += f.size();
  }
  out.u32(flags_ & ~(script_.has_version_field ? 0U : ntlm::flag::version));
  if (script_.has_version_field)
    out.append(version_bytes);
  out.zeros(has_room ? 16 : 0);
  for (const byte_vector& f : fields)
    out.append(f);
  byte_vector message = out.take();
  if (has_room) {
    key16 mic = ntlm::message_integrity_code(session_key_, negotiate_, challenge_, message, mic_at);
    if (script_.signs_messages == logon_script::mic::wrong)
      mic[15] ^= 0x80;
    std::copy(mic.begin(), mic.end(), message.begin() + static_cast<std::ptrdiff_t>(mic_at));
  }
  return message;
}

/// Checks the server's last token: it must be empty, or SPNEGO's with a valid MIC.
void initiator::check_last(bytes_view token) const {
  if (!script_.uses_spnego) {
    require(token.empty(), "the server says more than NTLM does");
    return;
  }
  const spnego::token t = parse_response(token);
  require(t.answered == static_cast<std::uint8_t>(spnego::state::accept_completed),
    "the server does not complete SPNEGO");
  require(t.mic.has_value() == (script_.signs_list != logon_script::list_mic::none),
    "the server signs the mechanisms if the client does not, or does not if it does");
  if (t.mic)
    require(
      are_equal(
        first_signature(session_key_, flags_, ntlm::direction::to_client, mechanism_list_), *t.mic),
      "the server's mechListMIC is wrong");
}

} // namespace leasebreak::smb::testing
