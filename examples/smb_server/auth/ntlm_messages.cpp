// NTLM's messages.
#include <smb_server/auth/ntlm_messages.hpp>

#include <smb_server/auth/name_case.hpp>
#include <smb_server/wire/utf16.hpp>

#include <algorithm>
#include <string>

namespace leasebreak::smb::ntlm {

namespace {

constexpr std::array<std::uint8_t, 8> signature_bytes{'N', 'T', 'L', 'M', 'S', 'S', 'P', 0};

enum class message_type : std::uint32_t { negotiate = 1, challenge = 2, authenticate = 3 };

constexpr std::size_t authenticate_fixed_bytes = 64;
constexpr std::size_t version_bytes = 8;
constexpr std::size_t mic_bytes = 16;

/// Reads the signature and the type.
bool begins_as(byte_reader& in, message_type wanted) noexcept {
  return is_message(in.bytes(signature_bytes.size())) &&
    in.u32() == static_cast<std::uint32_t>(wanted) && in.ok();
}

/// Reads a field through its descriptor: length, maximum length, offset.
bool read_field(
  byte_reader& in, bytes_view message, bytes_view& field, std::size_t& payload_begin) noexcept {
  const std::size_t length = in.u16();
  in.skip(2);
  const std::size_t offset = in.u32();
  const auto found = slice(message, offset, length);
  if (!in.ok() || !found)
    return false;
  field = *found;
  if (length > 0)
    payload_begin = std::min(payload_begin, offset);
  return true;
}

/// The first label in ASCII upper case, at most 15 characters.
std::string netbios_name(std::string_view host) {
  constexpr std::size_t length_max = 15;
  return ascii_upper(std::string{host.substr(0, std::min(host.find('.'), length_max))});
}

void append_pair(byte_writer& out, std::uint16_t id, bytes_view value) {
  out.u16(id);
  out.u16(static_cast<std::uint16_t>(value.size()));
  out.append(value);
}

byte_vector target_info(const challenge& c) {
  byte_writer out;
  append_pair(out, av::domain_name, utf8_to_utf16(c.domain));
  append_pair(out, av::computer_name, utf8_to_utf16(netbios_name(c.computer)));
  append_pair(out, av::dns_domain_name, utf8_to_utf16(c.domain));
  append_pair(out, av::dns_computer_name, utf8_to_utf16(c.computer));
  byte_writer time;
  time.u64(c.time);
  append_pair(out, av::timestamp, time.view());
  append_pair(out, av::end, {});
  return out.take();
}

/// Encodes a text in the negotiated character set. OEM text is always ASCII here.
byte_vector text_of(std::string_view text, std::uint32_t flags) {
  if ((flags & flag::unicode) != 0)
    return utf8_to_utf16(text);
  return {text.begin(), text.end()};
}

void append_descriptor(byte_writer& out, std::size_t length, std::size_t offset) {
  out.u16(static_cast<std::uint16_t>(length));
  out.u16(static_cast<std::uint16_t>(length));
  out.u32(static_cast<std::uint32_t>(offset));
}

/// Finds MsvAvFlags. A list without MsvAvEOL ends with its last pair.
std::optional<std::uint32_t> flags_of(bytes_view pairs) noexcept {
  std::uint32_t result = 0;
  byte_reader in{pairs};
  while (in.remaining() > 0) {
    const std::uint16_t id = in.u16();
    const bytes_view value = in.bytes(in.u16());
    if (!in.ok())
      return std::nullopt;
    if (id == av::end)
      break;
    if (id != av::flags)
      continue;
    byte_reader number{value};
    result |= number.u32();
    if (!number.ok())
      return std::nullopt;
  }
  return result;
}

} // namespace

bool is_message(bytes_view bytes) noexcept {
  return bytes.size() >= signature_bytes.size() &&
    std::equal(signature_bytes.begin(), signature_bytes.end(), bytes.begin());
}

std::optional<std::uint32_t> parse_negotiate(bytes_view message) noexcept {
  byte_reader in{message};
  if (!begins_as(in, message_type::negotiate))
    return std::nullopt;
  const std::uint32_t flags = in.u32();
  return in.ok() ? std::optional{flags} : std::nullopt;
}

std::uint32_t answer_flags(std::uint32_t asked) noexcept {
  constexpr std::uint32_t as_asked = flag::request_target | flag::sign | flag::seal |
    flag::always_sign | flag::extended_session_security | flag::version | flag::key_128 |
    flag::key_exchange | flag::key_56;
  // Select one character set, Unicode if the client supports both.
  const std::uint32_t characters = (asked & flag::unicode) != 0 ? flag::unicode : flag::oem;
  return (asked & as_asked) | characters | flag::ntlm | flag::target_type_server |
    flag::target_info;
}

byte_vector encode(const challenge& c) {
  constexpr std::size_t fixed_bytes = 56;
  // Windows 10; NTLMSSP_REVISION_W2K3 (MS-NLMP 2.2.2.10).
  constexpr std::array<std::uint8_t, version_bytes> version{10, 0, 0, 0, 0, 0, 0, 15};
  const byte_vector name = text_of(netbios_name(c.computer), c.flags);
  const byte_vector info = target_info(c);
  byte_writer out;
  out.append(signature_bytes);
  out.u32(static_cast<std::uint32_t>(message_type::challenge));
  append_descriptor(out, name.size(), fixed_bytes);
  out.u32(c.flags);
  out.append(c.server_challenge);
  out.zeros(8);
  append_descriptor(out, info.size(), fixed_bytes + name.size());
  if ((c.flags & flag::version) != 0)
    out.append(version);
  else
    out.zeros(version_bytes);
  out.append(name);
  out.append(info);
  return out.take();
}

std::optional<authenticate> parse_authenticate(bytes_view message) noexcept {
  byte_reader in{message};
  if (!begins_as(in, message_type::authenticate))
    return std::nullopt;
  authenticate result;
  result.payload_begin = message.size();
  bytes_view ignored;
  // LmChallengeResponse and Workstation must lie within the message, and are ignored.
  for (bytes_view* field : {&ignored, &result.nt_response, &result.domain, &result.user, &ignored,
         &result.encrypted_session_key}) {
    if (!read_field(in, message, *field, result.payload_begin))
      return std::nullopt;
  }
  result.flags = in.u32();
  const bool good = in.ok() && result.payload_begin >= authenticate_fixed_bytes;
  return good ? std::optional{result} : std::nullopt;
}

std::optional<std::size_t> mic_offset(const authenticate& a) noexcept {
  constexpr std::size_t behind_version = authenticate_fixed_bytes + version_bytes;
  if (a.payload_begin >= behind_version + mic_bytes)
    return behind_version;
  if ((a.flags & flag::version) == 0 && a.payload_begin >= authenticate_fixed_bytes + mic_bytes)
    return authenticate_fixed_bytes;
  return std::nullopt;
}

std::optional<nt_response_v2> parse_nt_response(bytes_view response) noexcept {
  constexpr std::uint8_t version = 1; // RespType and HiRespType of NTLMv2
  constexpr std::size_t until_pairs = 26; // reserved, TimeStamp, ChallengeFromClient, reserved
  byte_reader in{response};
  nt_response_v2 result;
  result.proof = in.guid16();
  result.client_challenge = response.subspan(in.position());
  const bool is_v2 = in.u8() == version && in.u8() == version;
  in.skip(until_pairs);
  if (!is_v2 || !in.ok())
    return std::nullopt;
  const auto flags = flags_of(response.subspan(in.position()));
  if (!flags)
    return std::nullopt;
  result.flags = *flags;
  return result;
}

} // namespace leasebreak::smb::ntlm
