// Extended attributes of clients: those of the namespace `user` on the disk, except the server's
// own.
#include "open_file.hpp"

#include "ascii.hpp"
#include "extended.hpp"
#include "share_core.hpp"

#include <algorithm>
#include <cerrno>

namespace leasebreak::smb::vfs {

namespace {

constexpr std::string_view disk_prefix = "user.";
constexpr std::string_view own_prefix =
  "leasebreak."; ///< The prefix of the server's own attributes.

bool is_own(std::string_view name) {
  return name.size() >= own_prefix.size() &&
    equal_ignoring_case(name.substr(0, own_prefix.size()), own_prefix);
}

/// MS-FSCC 2.4.16: the characters of a name.
bool is_valid(std::string_view name) {
  constexpr std::string_view forbidden = "\"*+,/:;<=>?[\\]|";
  return !name.empty() && name.size() <= extended_name_bytes_max &&
    std::none_of(name.begin(), name.end(), [&](char c) {
      return static_cast<unsigned char>(c) < 0x20 || forbidden.find(c) != std::string_view::npos;
    });
}

error_code check(std::span<const extended_attribute> wanted) {
  for (const extended_attribute& each : wanted) {
    if (!is_valid(each.name) || is_own(each.name)) {
      return errc::invalid_attribute_name;
    }
    if (each.value.size() > extended_value_bytes_max) {
      return errc::attributes_too_large;
    }
  }
  return {};
}

error_code set_error(const error_code& error) {
  if (error == from_errno(EOPNOTSUPP)) {
    return errc::attributes_not_supported;
  }
  // ERANGE and E2BIG: longer than Linux supports in any file system.
  if (error == from_errno(E2BIG) || error == from_errno(ERANGE)) {
    return errc::attributes_too_large;
  }
  return error;
}

/// Returns the name of an attribute on the disk. `there` has the names on the disk; a new name is
/// added to it.
const std::string& name_on_disk(std::vector<std::string>& there, const std::string& name) {
  const auto same = std::find_if(there.begin(), there.end(),
    [&](const std::string& each) { return equal_ignoring_case(each, name); });
  return same != there.end() ? *same : there.emplace_back(name);
}

error_code set_checked(
  int fd, std::vector<std::string>& there, std::span<const extended_attribute> wanted) {
  for (const extended_attribute& each : wanted) {
    const bool removes = each.value.empty();
    const std::string name = std::string(disk_prefix) + name_on_disk(there, each.name);
    const error_code error =
      removes ? detail::remove_attribute(fd, name) : detail::store_attribute(fd, name, each.value);
    if (error && !(removes && error == from_errno(ENODATA))) {
      return set_error(error);
    }
  }
  return {};
}

} // namespace

error_code detail::set_attributes(
  share_core& core, int fd, std::uint64_t inode, std::span<const extended_attribute> wanted) {
  if (const error_code error = check(wanted)) {
    return error;
  }
  // Prevents the concurrent creation of two attributes whose names differ only in case.
  const std::lock_guard lock(core.stripe(inode));
  auto there = list_names(fd, disk_prefix);
  return there ? set_checked(fd, *there, wanted) : there.error();
}

result<std::vector<extended_attribute>> open_file::extended_attributes(
  std::size_t bytes_max, bool& cut) const {
  cut = false;
  std::vector<extended_attribute> found;
  const auto names = detail::list_names(fd_, disk_prefix);
  if (!names) {
    return names.error();
  }
  for (const auto& name : *names) {
    if (is_own(name)) {
      continue;
    }
    auto value = detail::load_attribute(fd_, std::string(disk_prefix) + name);
    if (!value && value.error() == from_errno(ENODATA)) {
      continue; // removed meanwhile
    }
    if (!value) {
      return value.error();
    }
    const std::size_t bytes = name.size() + value->size();
    cut = bytes > bytes_max;
    if (cut) {
      break;
    }
    bytes_max -= bytes;
    if (!value->empty() && value->size() <= extended_value_bytes_max) {
      found.push_back({name, std::move(*value)});
    }
  }
  return found;
}

error_code open_file::set_extended_attributes(std::span<const extended_attribute> wanted) {
  return detail::set_attributes(*core_, fd_, inode_, wanted);
}

error_code open_file::replace_extended_attributes(std::span<const extended_attribute> wanted) {
  if (const error_code error = check(wanted)) {
    return error;
  }
  const std::lock_guard lock(core_->stripe(inode_));
  auto there = detail::list_names(fd_, disk_prefix);
  if (!there) {
    return there.error();
  }
  std::erase_if(*there, is_own);
  for (const std::string& name : *there) {
    const error_code error = detail::remove_attribute(fd_, std::string(disk_prefix) + name);
    if (error && error != from_errno(ENODATA)) {
      return error;
    }
  }
  there->clear();
  return set_checked(fd_, *there, wanted);
}

} // namespace leasebreak::smb::vfs
