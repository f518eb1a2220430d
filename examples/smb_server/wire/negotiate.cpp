// NEGOTIATE, its contexts, and its SMB1 form.
#include <smb_server/wire/negotiate.hpp>

#include <smb_server/wire/header.hpp>

#include <string_view>

namespace leasebreak::smb {

namespace {

constexpr std::uint16_t request_size = 36;
constexpr std::uint16_t response_size = 65;
constexpr std::uint16_t preauth_type = 1;
constexpr std::uint16_t encryption_type = 2;
constexpr std::uint16_t signing_type = 8;
constexpr std::size_t dialects_max = 64;
constexpr std::size_t contexts_max = 16;
constexpr std::size_t algorithms_max = 16;

/// Reads `count` 16-bit numbers.
std::optional<std::vector<std::uint16_t>> parse_numbers(byte_reader& in, std::size_t count) {
  if (count == 0 || count > algorithms_max)
    return std::nullopt;
  std::vector<std::uint16_t> result;
  for (std::size_t i = 0; i < count; ++i)
    result.push_back(in.u16());
  if (!in.ok())
    return std::nullopt;
  return result;
}

bool parse_context(std::uint16_t type, bytes_view data, negotiate_request& r) {
  byte_reader in{data};
  if (type == preauth_type) {
    const std::size_t count = in.u16();
    in.skip(2); // The salt is used only by the preauth hash, which covers the whole message.
    auto algorithms = parse_numbers(in, count);
    if (!algorithms)
      return false;
    ++r.preauth_contexts;
    r.hash_algorithms = std::move(*algorithms);
  } else if (type == signing_type || type == encryption_type) {
    auto algorithms = parse_numbers(in, in.u16());
    if (!algorithms)
      return false;
    (type == signing_type ? r.signing_algorithms : r.ciphers) = std::move(*algorithms);
  }
  return true;
}

/// MS-SMB2 2.2.3.1: each context begins at a multiple of 8 from the start of the message.
bool parse_contexts(
  bytes_view message, std::size_t offset, std::size_t count, negotiate_request& r) {
  if (count > contexts_max)
    return false;
  for (std::size_t i = 0; i < count; ++i) {
    offset = (offset + 7) / 8 * 8;
    if (offset > message.size())
      return false;
    byte_reader in{message.subspan(offset)};
    const std::uint16_t type = in.u16();
    const std::size_t length = in.u16();
    in.skip(4);
    const bytes_view data = in.bytes(length);
    if (!in.ok() || !parse_context(type, data, r))
      return false;
    offset += in.position();
  }
  return true;
}

bool parse_dialects(byte_reader& in, std::size_t count, std::vector<dialect>& dialects) {
  if (count == 0 || count > dialects_max)
    return false;
  for (std::size_t i = 0; i < count; ++i)
    dialects.push_back(static_cast<dialect>(in.u16()));
  return in.ok();
}

} // namespace

std::optional<negotiate_request> parse_negotiate(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  negotiate_request r;
  const std::uint16_t size = in.u16();
  const std::size_t dialect_count = in.u16();
  r.security_mode = in.u16();
  in.skip(2);
  r.capabilities = in.u32();
  r.client_guid = in.guid16();
  const std::size_t context_offset = in.u32();
  const std::size_t context_count = in.u16();
  in.skip(2);
  if (!in.ok() || size != request_size || !parse_dialects(in, dialect_count, r.dialects))
    return std::nullopt;
  for (const dialect d : r.dialects) {
    if (d != dialect::smb_3_1_1)
      continue;
    if (!parse_contexts(message, context_offset, context_count, r))
      return std::nullopt;
    break;
  }
  return r;
}

void encode(byte_writer& out, const negotiate_response& r) {
  const bool contexts = r.preauth_salt_low && r.preauth_salt_high;
  out.u16(response_size);
  out.u16(r.security_mode);
  out.u16(static_cast<std::uint16_t>(r.dialect));
  const int count = contexts ? 1 + (r.signing ? 1 : 0) + (r.cipher ? 1 : 0) : 0;
  out.u16(static_cast<std::uint16_t>(count));
  out.append(r.server_guid);
  out.u32(r.capabilities);
  out.u32(r.max_transact);
  out.u32(r.max_read);
  out.u32(r.max_write);
  out.u64(r.system_time);
  out.u64(r.start_time);
  out.u16(header_size + response_size - 1);
  out.u16(static_cast<std::uint16_t>(r.security_buffer.size()));
  const std::size_t context_offset_at = out.size();
  out.u32(0);
  out.append(r.security_buffer);
  if (!contexts)
    return;
  out.align(8);
  out.patch_u32(context_offset_at, static_cast<std::uint32_t>(out.size()));
  out.u16(preauth_type);
  out.u16(38);
  out.u32(0);
  out.u16(1);
  out.u16(32);
  out.u16(hash_sha512);
  out.append(*r.preauth_salt_low);
  out.append(*r.preauth_salt_high);
  const auto put_choice = [&](std::uint16_t type, std::uint16_t choice) {
    out.align(8);
    out.u16(type);
    out.u16(4);
    out.u32(0);
    out.u16(1);
    out.u16(choice);
  };
  if (r.cipher)
    put_choice(encryption_type, *r.cipher);
  if (r.signing)
    put_choice(signing_type, static_cast<std::uint16_t>(*r.signing));
}

std::optional<validate_negotiate_request> parse_validate_negotiate(bytes_view input) {
  byte_reader in{input};
  validate_negotiate_request r;
  r.capabilities = in.u32();
  r.client_guid = in.guid16();
  r.security_mode = in.u16();
  if (!parse_dialects(in, in.u16(), r.dialects))
    return std::nullopt;
  return r;
}

std::optional<smb1_offer> parse_smb1_negotiate(bytes_view frame) {
  constexpr std::size_t smb1_header_size = 32;
  constexpr std::uint8_t negotiate_command = 0x72;
  if (protocol_of(frame) != protocol::smb1 || frame.size() < smb1_header_size ||
    frame[4] != negotiate_command)
    return std::nullopt;
  byte_reader in{frame.subspan(smb1_header_size)};
  const std::size_t words = in.u8();
  in.skip(2 * words);
  const bytes_view names = in.bytes(in.u16());
  if (!in.ok())
    return std::nullopt;
  smb1_offer offer;
  // Each name is 0x02, the text, and a zero.
  const std::string_view text{reinterpret_cast<const char*>(names.data()), names.size()};
  using namespace std::string_view_literals;
  offer.smb_2_002 = text.find("\x02SMB 2.002\0"sv) != std::string_view::npos;
  offer.smb_2_wildcard = text.find("\x02SMB 2.???\0"sv) != std::string_view::npos;
  return offer;
}

} // namespace leasebreak::smb
