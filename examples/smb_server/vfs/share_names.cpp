// Renames, hard links and removals.
#include "share.hpp"

#include "client_names.hpp"
#include "extended.hpp"
#include "share_core.hpp"
#include "streams.hpp"

#include <cerrno>
#include <cstdio>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace leasebreak::smb::vfs {

namespace {

using detail::entry_identity;
using detail::location;
using detail::share_core;

error_code name_error(int value) {
  switch (value) {
  case EEXIST:
    return errc::name_collision;
  case EISDIR:
  case ENOTDIR:
    return errc::cannot_replace;
  case EINVAL:
    return errc::invalid_argument; // a directory into itself
  case ENOENT:
    return errc::name_not_found;
  case ENAMETOOLONG:
    return errc::name_too_long;
  default:
    return from_errno(value);
  }
}

/// The location of the target of a rename or link.
result<location> locate_target(share_core& core, const path& target) {
  if (!target.stream().empty()) {
    return error_code(errc::invalid_stream);
  }
  if (target.is_root()) {
    return error_code(errc::name_collision);
  }
  auto folder = detail::open_parent(core, target);
  if (!folder) {
    return folder.error();
  }
  return location{std::move(*folder), std::string(target.leaf_on_disk())};
}

struct both_places {
  location from;
  location to;
};

/// The locations of an open file and of the target of its rename.
result<both_places> locate_both(share_core& core, const open_file& open, const path& target) {
  auto to = locate_target(core, target);
  if (!to) {
    return to.error();
  }
  auto from = detail::locate(core, open);
  if (!from) {
    return from.error();
  }
  return both_places{std::move(*from), std::move(*to)};
}

bool is_same_place(const location& left, const location& right) {
  struct stat a {};
  struct stat b {};
  return left.leaf == right.leaf && ::fstat(left.folder.get(), &a) == 0 &&
    ::fstat(right.folder.get(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// MS-FSA 2.1.5.14.11: directories and read-only files must not be replaced.
error_code check_replaceable(
  const share_core& core, const location& at, const entry_identity& target) {
  if (!S_ISREG(target.mode)) {
    return errc::cannot_replace;
  }
  const auto info = detail::read_entry_info(core, at.folder.get(), at.leaf);
  return info && (info->attributes & attribute::read_only) != 0 ? errc::cannot_replace
                                                                : error_code{};
}

error_code move(const location& from, const location& to, unsigned flags) {
  return ::renameat2(
           from.folder.get(), from.leaf.c_str(), to.folder.get(), to.leaf.c_str(), flags) == 0
    ? error_code{}
    : name_error(errno);
}

/// Moves a file to a free name. Without RENAME_NOREPLACE, another process may create the name after
/// the check; this process does not, if its callers guard names. A link and a removal would not
/// replace anything either, but other opens would lose the name.
error_code move_to_free(share_core& core, const location& from, const location& to) {
  if (core.has_noreplace.load(std::memory_order_relaxed)) {
    const error_code error = move(from, to, RENAME_NOREPLACE);
    // EINVAL also means a directory into itself, for which the call below fails again.
    if (error != errc::invalid_argument && error != from_errno(ENOSYS)) {
      return error;
    }
  }
  return move(from, to, 0);
}

/// Whether the names are as the caller expects.
bool is_expected(const expected_names& expected, const location& to) {
  const auto directory = detail::identify(to.folder.get());
  if (!directory || !detail::is_same(*directory, expected.directory)) {
    return false;
  }
  const auto target = detail::identify(to.folder.get(), to.leaf);
  return target ? expected.target && detail::is_same(*target, *expected.target) : !expected.target;
}

bool is_expected_source(const expected_names& expected, const location& from) {
  const auto directory = detail::identify(from.folder.get());
  return directory && detail::is_same(*directory, expected.source) &&
    to_client_name(from.leaf) == expected.source_leaf;
}

/// The result of one attempt; nothing means that it must be repeated.
using attempt = std::optional<error_code>;

attempt try_rename(
  share_core& core, const open_file& open, const location& from, const location& to, bool replace) {
  const auto target = detail::identify(to.folder.get(), to.leaf);
  if (!target) {
    const error_code error = move_to_free(core, from, to);
    return error == errc::name_collision && replace ? std::nullopt : attempt(error);
  }
  if (!replace) {
    return errc::name_collision;
  }
  const identity& id = open.id();
  if (target->device == id.device && target->inode == id.inode) {
    // Another hard link of the same file: rename(2) would do nothing and leave both names.
    return ::unlinkat(from.folder.get(), from.leaf.c_str(), 0) == 0 ? error_code{}
                                                                    : name_error(errno);
  }
  if (open.is_directory()) {
    return errc::cannot_replace;
  }
  if (const error_code error = check_replaceable(core, to, *target)) {
    return error;
  }
  detail::replaced_entry replaced(core, to.folder.get(), to.leaf);
  const error_code error = move(from, to, 0);
  detail::stream_step(core);
  replaced.finish();
  return error;
}

/// Returns whether the last name of the open file is gone.
bool has_no_name(share_core& core, const open_file& open) {
  struct stat status {};
  return detail::is_nameless(core, open.id().inode) ||
    (::fstat(open.fd(), &status) == 0 && status.st_nlink == 0);
}

attempt try_link(share_core& core, const open_file& open, const location& to, bool replace) {
  if (::linkat(AT_FDCWD, detail::proc_path(open.fd()).c_str(), to.folder.get(), to.leaf.c_str(),
        AT_SYMLINK_FOLLOW) == 0) {
    return error_code{};
  }
  if (errno != EEXIST || !replace) {
    return name_error(errno);
  }
  const auto target = detail::identify(to.folder.get(), to.leaf);
  if (!target) {
    return std::nullopt;
  }
  const identity& id = open.id();
  if (target->device == id.device && target->inode == id.inode) {
    return error_code{};
  }
  if (const error_code error = check_replaceable(core, to, *target)) {
    return error;
  }
  const error_code error = detail::remove_entry(core, to.folder.get(), to.leaf, false);
  if (error && error != from_errno(ENOENT)) {
    return name_error(error.value());
  }
  return std::nullopt;
}

/// Removes one name of the open file.
error_code unlink(share_core& core, const open_file& open, const location& at) {
  struct stat status {};
  const bool is_directory = ::fstat(open.fd(), &status) == 0 && S_ISDIR(status.st_mode);
  const error_code error = detail::remove_entry(core, at.folder.get(), at.leaf, is_directory);
  // POSIX permits both errors for a directory with entries.
  return error == from_errno(EEXIST) ? from_errno(ENOTEMPTY)
    : error                          ? name_error(error.value())
                                     : error;
}

} // namespace

error_code share::rename(const open_file& open, const path& target, bool replace) {
  return rename_as(open, target, replace, nullptr);
}

error_code share::rename(
  const open_file& open, const path& target, bool replace, const expected_names& expected) {
  return rename_as(open, target, replace, &expected);
}

result<expected_names> share::look_around(const open_file& open, const path& target) const {
  const std::lock_guard lock(core_->names);
  const auto places = locate_both(*core_, open, target);
  if (!places) {
    return places.error();
  }
  const auto& [from, to] = *places;
  const auto source = detail::read_info(*core_, from.folder.get(), {});
  const auto directory = detail::read_info(*core_, to.folder.get(), {});
  if (!source || !directory) {
    return source ? directory.error() : source.error();
  }
  expected_names names{source->id, to_client_name(from.leaf), directory->id, {}};
  if (const auto there = detail::read_entry_info(*core_, to.folder.get(), to.leaf)) {
    names.target = there->id;
  } else if (const auto other = detail::identify(to.folder.get(), to.leaf)) {
    names.target = identity{other->device, other->inode, {}, 0}; // a link or device, not served
  }
  return names;
}

error_code share::rename_as(
  const open_file& open, const path& target, bool replace, const expected_names* expected) {
  if (open.is_stream()) {
    return errc::invalid_argument;
  }
  if (target.names_data() || (target.names_directory() && !open.is_directory())) {
    return errc::invalid_name;
  }
  const std::lock_guard lock(core_->names);
  for (int i = 0; i < detail::attempts_max; ++i) {
    const auto places = locate_both(*core_, open, target);
    if (!places) {
      return places.error();
    }
    const auto& [from, to] = *places;
    if (is_same_place(from, to)) {
      return {};
    }
    if (expected != nullptr &&
      (!is_expected_source(*expected, from) || !is_expected(*expected, to))) {
      return errc::name_changed;
    }
    if (const auto done = try_rename(*core_, open, from, to, replace)) {
      return *done;
    }
  }
  return errc::keeps_changing;
}

error_code share::link(const open_file& open, const path& target, bool replace) {
  return link_as(open, target, replace, nullptr);
}

error_code share::link(
  const open_file& open, const path& target, bool replace, const expected_names& expected) {
  return link_as(open, target, replace, &expected);
}

error_code share::link_as(
  const open_file& open, const path& target, bool replace, const expected_names* expected) {
  if (open.is_directory()) {
    return errc::is_directory;
  }
  if (open.is_stream()) {
    return errc::invalid_argument;
  }
  if (target.names_data() || target.names_directory()) {
    return errc::invalid_name;
  }
  const std::lock_guard lock(core_->names);
  // Looked at first: a link that cannot be made must not have removed what it was to replace.
  if (has_no_name(*core_, open)) {
    return errc::name_not_found;
  }
  for (int i = 0; i < detail::attempts_max; ++i) {
    const auto to = locate_target(*core_, target);
    if (!to) {
      return to.error();
    }
    if (expected != nullptr && i == 0 && !is_expected(*expected, *to)) {
      return errc::name_changed;
    }
    if (const auto done = try_link(*core_, open, *to, replace)) {
      return *done;
    }
  }
  return errc::keeps_changing;
}

error_code share::check_removable(const open_file& open) const {
  const auto info = open.info();
  if (!info) {
    return info.error();
  }
  const identity& id = open.id();
  const bool is_root =
    !open.is_stream() && id.device == core_->root_device && id.inode == core_->root_inode;
  if (is_root || (info->attributes & attribute::read_only) != 0) {
    return errc::cannot_delete;
  }
  if (const error_code error = detail::check_unlinkable(*core_, open)) {
    return error;
  }
  return open.is_directory() ? detail::check_no_entry(open.fd()) : error_code{};
}

error_code share::check_empty(const open_file& directory) const {
  return detail::check_no_entry(directory.fd());
}

error_code share::remove(const open_file& open) {
  if (const std::string stream = open.stream(); !stream.empty()) {
    return detail::remove_stream(open.base(), stream);
  }
  return remove_file(open);
}

error_code share::remove_name(const open_file& open, const path& name) {
  const std::lock_guard lock(core_->names);
  auto at = locate_target(*core_, name);
  if (!at) {
    return at.error();
  }
  const auto found = detail::identify(at->folder.get(), at->leaf);
  if (!found || !detail::is_same(*found, open.id())) {
    return errc::name_not_found;
  }
  return unlink(*core_, open, *at);
}

error_code share::remove_file(const open_file& open) {
  const std::lock_guard lock(core_->names);
  const auto at = detail::locate(*core_, open);
  return at ? unlink(*core_, open, *at) : at.error();
}

} // namespace leasebreak::smb::vfs
