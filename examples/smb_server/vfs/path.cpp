// Checks of paths and names (MS-FSCC 2.1.5).
#include "path.hpp"

#include "ascii.hpp"
#include "client_names.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace leasebreak::smb::vfs {

namespace {

// MS-FSCC 2.1.5.2: a table of the characters that are forbidden in components.
constexpr auto forbidden = [] {
  std::array<bool, 256> result{};
  for (std::size_t control = 0; control < 0x20; ++control) {
    result[control] = true;
  }
  for (const char c : std::string_view{"\"*/:<>?\\|"}) {
    result[static_cast<unsigned char>(c)] = true;
  }
  return result;
}();

std::string_view last_component(std::string_view all) noexcept {
  const auto slash = all.rfind('/');
  return slash == std::string_view::npos ? all : all.substr(slash + 1);
}

bool is_separator(char c) noexcept {
  return c == '\\' || c == '/';
}

error_code check_component(std::string_view name) noexcept {
  if (name.empty()) {
    return errc::path_not_found; // the error of other servers for an empty component
  }
  if (name == "." || name == "..") {
    return errc::dot_component;
  }
  const auto bad = [](char c) { return forbidden[static_cast<unsigned char>(c)]; };
  if (std::any_of(name.begin(), name.end(), bad) || !detail::is_utf8(name)) {
    return errc::invalid_name;
  }
  return {};
}

/// The entry of a component on the disk.
result<std::string> check_on_disk(std::string_view component) {
  if (const error_code error = check_component(component)) {
    return error;
  }
  auto on_disk = to_disk_name(component);
  if (!on_disk) {
    return on_disk;
  }
  if (*on_disk == "." || *on_disk == "..") {
    return error_code(errc::dot_component);
  }
  return on_disk->size() > component_bytes_max ? error_code(errc::name_too_long) : on_disk;
}

// MS-FSCC 2.1.5.3: a stream's name may have any character except these, also control characters.
error_code check_stream_name(std::string_view name) noexcept {
  const auto bad = [](char c) { return c == '\0' || c == ':' || is_separator(c); };
  if (std::any_of(name.begin(), name.end(), bad) || !detail::is_utf8(name)) {
    return errc::invalid_stream;
  }
  return name.size() > stream_name_bytes_max ? errc::name_too_long : error_code{};
}

} // namespace

result<path> path::parse(std::string_view text) {
  if (!text.empty() && is_separator(text.front())) {
    return error_code(errc::leading_separator);
  }
  if (text.size() > path_bytes_max) {
    return error_code(errc::path_too_long);
  }
  path parsed;
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    // Stream names have no separators, so if one follows, the colon is in a folder's name.
    if (std::any_of(text.begin() + static_cast<std::ptrdiff_t>(colon), text.end(), is_separator)) {
      return error_code(errc::invalid_name);
    }
    if (const error_code error = parsed.take_stream(text.substr(colon + 1))) {
      return error;
    }
    text = text.substr(0, colon);
  }
  if (!text.empty() && is_separator(text.back())) {
    if (parsed.names_data_ || !parsed.stream_.empty()) {
      return error_code(errc::invalid_name);
    }
    parsed.names_directory_ = true;
    text.remove_suffix(1);
  }
  parsed.name_.reserve(text.size());
  parsed.disk_.reserve(text.size());
  while (!text.empty()) {
    const auto end = std::find_if(text.begin(), text.end(), is_separator);
    const auto length = static_cast<std::size_t>(end - text.begin());
    const auto component = text.substr(0, length);
    const auto on_disk = check_on_disk(component);
    if (!on_disk) {
      return on_disk.error();
    }
    if (parsed.name_.empty() && is_reserved_in_root(*on_disk)) {
      return error_code(errc::invalid_name);
    }
    parsed.add(*on_disk);
    if (length + 1 == text.size()) {
      return error_code(errc::invalid_name); // two separators at the end
    }
    text.remove_prefix(std::min(text.size(), length + 1));
  }
  return parsed;
}

path path::from_disk(std::string_view text) {
  path parsed;
  while (!text.empty()) {
    const auto component = text.substr(0, text.find('/'));
    parsed.add(component);
    text.remove_prefix(std::min(text.size(), component.size() + 1));
  }
  return parsed;
}

void path::add(std::string_view on_disk) {
  const std::string separator = name_.empty() ? "" : "/";
  name_ += separator + to_client_name(on_disk);
  disk_ += separator;
  disk_ += on_disk;
}

error_code path::take_stream(std::string_view suffix) {
  if (equal_ignoring_case(suffix, "$I30:$INDEX_ALLOCATION") ||
    equal_ignoring_case(suffix, ":$INDEX_ALLOCATION")) {
    names_directory_ = true;
    return {};
  }
  auto parsed = parse_stream_name(suffix);
  if (!parsed) {
    return parsed.error();
  }
  stream_ = std::move(*parsed);
  names_data_ = stream_.empty();
  return {};
}

result<std::string> parse_stream_name(std::string_view text) {
  if (!text.empty() && text.front() == ':' && !equal_ignoring_case(text, ":$DATA")) {
    text.remove_prefix(1);
  }
  auto name = text;
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    name = text.substr(0, colon);
    if (!equal_ignoring_case(text.substr(colon + 1), "$DATA")) {
      return error_code(errc::invalid_stream);
    }
  } else if (text.empty()) {
    return error_code(errc::invalid_stream);
  }
  if (const error_code error = check_stream_name(name)) {
    return error;
  }
  return std::string(name);
}

std::string_view path::leaf() const noexcept {
  return last_component(name_);
}

std::string_view path::leaf_on_disk() const noexcept {
  return last_component(disk_);
}

path path::parent() const {
  path folder;
  if (const auto slash = name_.rfind('/'); slash != std::string::npos) {
    folder.name_ = name_.substr(0, slash);
    folder.disk_ = disk_.substr(0, disk_.rfind('/'));
  }
  folder.names_directory_ = true;
  return folder;
}

path path::base() const {
  path file;
  file.name_ = name_;
  file.disk_ = disk_;
  return file;
}

bool is_reserved_in_root(std::string_view name) noexcept {
  return equal_ignoring_case(name, ".leasebreak.streams");
}

result<std::string> to_entry(std::string_view component) {
  return check_on_disk(component);
}

} // namespace leasebreak::smb::vfs
