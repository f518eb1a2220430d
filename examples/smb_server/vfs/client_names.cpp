// See client_names.hpp.
#include "client_names.hpp"

#include "utf8.hpp"

#include <cstddef>

namespace leasebreak::smb::vfs {

namespace {

constexpr char32_t mapped_controls = 0xf000; ///< Plus the character.
constexpr char32_t mapped_punctuation = 0xf020; ///< Plus the position in `mapped_characters`.
constexpr std::string_view mapped_characters = "\"*:<>?\\|";
constexpr char32_t mapped_last_space = 0xf028;
constexpr char32_t mapped_last_dot = 0xf029;
constexpr char32_t mapped_bytes = 0xef00; ///< Plus the byte, which is 0x80 or greater.

bool is_mapped_byte(char32_t character) noexcept {
  return character >= mapped_bytes + 0x80 && character <= mapped_bytes + 0xff;
}

/// Whether a character stands for something else.
bool is_mapped(char32_t character) noexcept {
  return (character > mapped_controls && character <= mapped_last_dot) || is_mapped_byte(character);
}

void put_character(std::string& out, char32_t character) {
  // All of them have three bytes.
  out += static_cast<char>(0xe0U | (character >> 12U));
  out += static_cast<char>(0x80U | ((character >> 6U) & 0x3fU));
  out += static_cast<char>(0x80U | (character & 0x3fU));
}

void put_bytes(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) {
    put_character(out, mapped_bytes + static_cast<unsigned char>(byte));
  }
}

/// Maps an ASCII character.
void put_ascii(std::string& out, char c, bool is_last) {
  const auto position = mapped_characters.find(c);
  if (static_cast<unsigned char>(c) < 0x20) {
    put_character(out, mapped_controls + static_cast<unsigned char>(c));
  } else if (position != std::string_view::npos) {
    put_character(out, mapped_punctuation + static_cast<char32_t>(position));
  } else if (is_last && (c == ' ' || c == '.')) {
    put_character(out, c == ' ' ? mapped_last_space : mapped_last_dot);
  } else {
    out += c;
  }
}

/// What a mapped character stands for.
char unmapped(char32_t character) noexcept {
  if (is_mapped_byte(character)) {
    return static_cast<char>(character - mapped_bytes);
  }
  if (character < mapped_punctuation) {
    return static_cast<char>(character - mapped_controls);
  }
  if (character < mapped_last_space) {
    return mapped_characters[static_cast<std::size_t>(character - mapped_punctuation)];
  }
  return character == mapped_last_space ? ' ' : '.';
}

} // namespace

std::string to_client_name(std::string_view on_disk) {
  std::string out;
  out.reserve(on_disk.size());
  while (!on_disk.empty()) {
    if (static_cast<unsigned char>(on_disk.front()) < 0x80) {
      put_ascii(out, on_disk.front(), on_disk.size() == 1);
      on_disk.remove_prefix(1);
      continue;
    }
    auto rest = on_disk;
    const auto character = detail::take_character(rest);
    const auto taken = on_disk.substr(0, character ? on_disk.size() - rest.size() : 1);
    if (character && !is_mapped(*character)) {
      out += taken;
    } else {
      put_bytes(out, taken);
    }
    on_disk.remove_prefix(taken.size());
  }
  return out;
}

result<std::string> to_disk_name(std::string_view of_client) {
  std::string out;
  out.reserve(of_client.size());
  bool has_mapped = false;
  for (auto rest = of_client; !rest.empty();) {
    const auto before = rest;
    const auto character = detail::take_character(rest);
    if (!character) {
      return error_code(errc::invalid_name);
    }
    if (is_mapped(*character)) {
      out += unmapped(*character);
      has_mapped = true;
    } else {
      out += before.substr(0, before.size() - rest.size());
    }
  }
  if (has_mapped) {
    // Only one of several spellings is an entry's name.
    std::string canonical(of_client);
    if (canonical.back() == ' ' || canonical.back() == '.') {
      const char last = canonical.back();
      canonical.pop_back();
      put_ascii(canonical, last, true);
    }
    if (to_client_name(out) != canonical) {
      return error_code(errc::invalid_name);
    }
  }
  return out;
}

} // namespace leasebreak::smb::vfs
