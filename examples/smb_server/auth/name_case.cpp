// Converts case with the system's tables.
#include <smb_server/auth/name_case.hpp>

#include <smb_server/wire/utf16.hpp>

#include <clocale>
#include <cwctype>
#include <stdexcept>

namespace leasebreak::smb {

namespace {

/// A locale that only this file uses.
class unicode_locale {
public:
  unicode_locale() : handle_{::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)} {
    if (handle_ == nullptr)
      throw std::runtime_error("the locale C.UTF-8 is missing");
  }
  ~unicode_locale() { ::freelocale(handle_); }
  unicode_locale(const unicode_locale&) = delete;
  unicode_locale& operator=(const unicode_locale&) = delete;

  [[nodiscard]] char32_t lower(char32_t c) const noexcept {
    return static_cast<char32_t>(::towlower_l(static_cast<std::wint_t>(c), handle_));
  }
  [[nodiscard]] char32_t upper(char32_t c) const noexcept {
    return static_cast<char32_t>(::towupper_l(static_cast<std::wint_t>(c), handle_));
  }

private:
  locale_t handle_;
};

const unicode_locale& unicode() {
  static const unicode_locale locale;
  return locale;
}

bool is_surrogate(char32_t unit) noexcept {
  return unit >= 0xd800 && unit <= 0xdfff;
}

} // namespace

std::optional<std::u32string> fold_case(std::string_view name) {
  const byte_vector units = utf8_to_utf16(name);
  // Malformed UTF-8 is not the same after the conversion back.
  if (utf16_to_utf8(units) != name)
    return std::nullopt;
  std::u32string result;
  byte_reader in{units};
  while (in.remaining() > 0) {
    char32_t c = in.u16();
    if (is_surrogate(c))
      c = 0x10000 + ((c - 0xd800) << 10) + (in.u16() - 0xdc00U);
    result.push_back(unicode().lower(c));
  }
  return result;
}

std::string ascii_upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z')
      c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

byte_vector to_upper_case(bytes_view text) {
  byte_writer out;
  byte_reader in{text};
  while (in.remaining() > 0) {
    const char32_t unit = in.u16();
    const char32_t upper = is_surrogate(unit) ? unit : unicode().upper(unit);
    out.u16(static_cast<std::uint16_t>(upper < 0x10000 ? upper : unit));
  }
  return out.take();
}

} // namespace leasebreak::smb
