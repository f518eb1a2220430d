// DER elements.
#include <smb_server/auth/der.hpp>

namespace leasebreak::smb::der {

namespace {

constexpr std::uint8_t long_form = 0x80;
constexpr std::size_t length_octets_max = 4;

/// The length octets of X.690 8.1.3, without the indefinite form.
std::optional<std::size_t> take_length(byte_reader& in) noexcept {
  const std::uint8_t first = in.u8();
  if (first < long_form)
    return in.ok() ? std::optional<std::size_t>{first} : std::nullopt;
  const std::size_t octets = first & 0x7fU;
  if (octets == 0 || octets > length_octets_max)
    return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < octets; ++i)
    length = length << 8 | in.u8();
  return in.ok() ? std::optional{length} : std::nullopt;
}

} // namespace

std::optional<element> take(bytes_view& bytes) noexcept {
  constexpr std::uint8_t more_tag_octets = 0x1f;
  byte_reader in{bytes};
  element result;
  result.tag = in.u8();
  const auto length = take_length(in);
  if (!in.ok() || !length || *length > in.remaining() ||
    (result.tag & more_tag_octets) == more_tag_octets)
    return std::nullopt;
  result.content = in.bytes(*length);
  result.whole = bytes.first(in.position());
  bytes = bytes.subspan(in.position());
  return result;
}

std::optional<bytes_view> take(bytes_view& bytes, std::uint8_t tag) noexcept {
  bytes_view rest = bytes;
  const auto found = take(rest);
  if (!found || found->tag != tag)
    return std::nullopt;
  bytes = rest;
  return found->content;
}

std::optional<bytes_view> only(bytes_view bytes, std::uint8_t tag) noexcept {
  const auto content = take(bytes, tag);
  return bytes.empty() ? content : std::nullopt;
}

byte_vector make(std::uint8_t tag, bytes_view content) {
  byte_writer out;
  out.u8(tag);
  const std::size_t length = content.size();
  if (length < long_form) {
    out.u8(static_cast<std::uint8_t>(length));
  } else {
    std::size_t octets = 1;
    while (octets < length_octets_max && length >> (8 * octets) != 0)
      ++octets;
    out.u8(static_cast<std::uint8_t>(long_form | octets));
    for (std::size_t i = octets; i-- > 0;)
      out.u8(static_cast<std::uint8_t>(length >> (8 * i)));
  }
  out.append(content);
  return out.take();
}

} // namespace leasebreak::smb::der
