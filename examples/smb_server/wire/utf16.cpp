// UTF-16LE and UTF-8 (RFC 3629).
#include <smb_server/wire/utf16.hpp>

namespace leasebreak::smb {

namespace {

constexpr char32_t replacement = 0xfffd;

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t value) { out.push_back(static_cast<char>(value)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

/// Removes the first character from `text` and returns it. If it is malformed, removes one byte and
/// returns `replacement`.
char32_t next_character(std::string_view& text) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = at(0);
  std::size_t length = 1;
  char32_t c = lead;
  char32_t smallest = 0;
  if (lead >= 0xc2 && lead < 0xe0) {
    length = 2;
    c = lead & 0x1f;
    smallest = 0x80;
  } else if (lead >= 0xe0 && lead < 0xf0) {
    length = 3;
    c = lead & 0x0f;
    smallest = 0x800;
  } else if (lead >= 0xf0 && lead < 0xf5) {
    length = 4;
    c = lead & 0x07;
    smallest = 0x10000;
  } else if (lead >= 0x80) {
    text.remove_prefix(1);
    return replacement;
  }
  bool good = length <= text.size();
  for (std::size_t i = 1; good && i < length; ++i) {
    good = (at(i) & 0xc0) == 0x80;
    c = (c << 6) | (at(i) & 0x3f);
  }
  good = good && c >= smallest && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
  text.remove_prefix(good ? length : 1);
  return good ? c : replacement;
}

} // namespace

std::optional<std::string> utf16_to_utf8(bytes_view bytes) {
  if (bytes.size() % 2 != 0)
    return std::nullopt;
  // Fast path: most names are ASCII.
  std::size_t simple = 0;
  while (2 * simple < bytes.size() && bytes[2 * simple] < 0x80 && bytes[2 * simple + 1] == 0)
    ++simple;
  std::string result(simple, '\0');
  for (std::size_t i = 0; i < simple; ++i)
    result[i] = static_cast<char>(bytes[2 * i]);
  byte_reader in{bytes.subspan(2 * simple)};
  while (in.remaining() > 0) {
    char32_t c = in.u16();
    if (c >= 0xdc00 && c <= 0xdfff)
      return std::nullopt;
    if (c >= 0xd800 && c <= 0xdbff) {
      const char32_t low = in.u16();
      if (!in.ok() || low < 0xdc00 || low > 0xdfff)
        return std::nullopt;
      c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(result, c);
  }
  return result;
}

byte_vector utf8_to_utf16(std::string_view text) {
  byte_writer out;
  while (!text.empty()) {
    char32_t c = next_character(text);
    if (c < 0x10000) {
      out.u16(static_cast<std::uint16_t>(c));
    } else {
      c -= 0x10000;
      out.u16(static_cast<std::uint16_t>(0xd800 + (c >> 10)));
      out.u16(static_cast<std::uint16_t>(0xdc00 + (c & 0x3ff)));
    }
  }
  return out.take();
}

} // namespace leasebreak::smb
