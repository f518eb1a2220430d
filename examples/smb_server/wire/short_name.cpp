// See short_name.hpp.
#include <smb_server/wire/short_name.hpp>

#include <algorithm>
#include <cstdint>

namespace leasebreak::smb {

namespace {

constexpr std::size_t short_base_max = 8;
constexpr std::size_t short_extension_max = 3;
constexpr std::size_t kept_of_base = 4;
constexpr std::size_t hash_digits = 3;

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_short_character(char c) noexcept {
  return is_alphanumeric(c) ||
    std::string_view{"!#$%&'()-@^_`{}~"}.find(c) != std::string_view::npos;
}

bool is_short_part(std::string_view part, std::size_t max) noexcept {
  return part.size() <= max && std::all_of(part.begin(), part.end(), is_short_character);
}

/// The first alphanumeric characters, in upper case.
std::string upper_part(std::string_view part, std::size_t max) {
  std::string out;
  for (const char c : part) {
    if (out.size() < max && is_alphanumeric(c))
      out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

std::string hash_of(std::string_view name) {
  constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::uint32_t hash = 2'166'136'261; // FNV-1a
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619;
  std::string out;
  for (std::size_t i = 0; i < hash_digits; ++i) {
    out += digits[hash % digits.size()];
    hash /= static_cast<std::uint32_t>(digits.size());
  }
  return out;
}

} // namespace

std::string short_name_of(std::string_view name) {
  if (name.empty())
    return {};
  const auto dot = name.rfind('.');
  const bool has_extension = dot != std::string_view::npos && dot > 0 && dot + 1 < name.size();
  const std::string_view base = has_extension ? name.substr(0, dot) : name;
  const std::string_view extension = has_extension ? name.substr(dot + 1) : std::string_view{};
  if (is_short_part(base, short_base_max) && is_short_part(extension, short_extension_max))
    return std::string{name};
  std::string out = upper_part(base, kept_of_base) + '~' + hash_of(name);
  if (const std::string kept = upper_part(extension, short_extension_max); !kept.empty())
    out += '.' + kept;
  return out;
}

} // namespace leasebreak::smb
