// What happens to the files of large streams when their owner loses its last name, and the sweep of
// what a crash has left.
#include "streams.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace leasebreak::smb::vfs::detail {

namespace {

/// The files that one sweep examines; a crash leaves at most a few for each worker thread.
constexpr std::size_t stream_sweep_max = 4096;
constexpr std::string_view grave_suffix = ".gone";

error_code unlink_at(int folder, const std::string& leaf, int flags) {
  return ::unlinkat(folder, leaf.c_str(), flags) == 0 ? error_code{} : from_errno(errno);
}

/// Removes the files of a file's streams now, or with the last open of one of them.
void remove_when_closed(const stream_base& base, const std::string& grave) {
  {
    const std::lock_guard lock(base.core.stream_opens_mutex);
    const auto open = base.core.stream_opens.find(base.key.inode);
    if (open != base.core.stream_opens.end()) {
      open->second.is_nameless = true;
      open->second.grave = grave;
      return;
    }
  }
  remove_all_stored(base);
  stream_step(base.core);
  remove_grave(base.core, grave);
}

/// Moves a directory with large streams into the store before it is removed, so that a sweep finds
/// them there.
error_code bury_directory(share_core& core, int folder, const std::string& leaf) {
  const unique_fd fd(
    ::openat(folder, leaf.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const auto streams = fd.get() < 0 ? std::vector<stream_id>() : references_of(fd.get());
  const auto key = key_of(core, fd.get());
  if (!streams || streams->empty() || !key) {
    return unlink_at(folder, leaf, AT_REMOVEDIR);
  }
  if (const error_code error = check_no_entry(fd.get())) {
    return error;
  }
  const auto pending = open_pending_folder(core, true);
  const std::string grave = stream_id::random().text() + std::string(grave_suffix);
  const bool moved = pending &&
    ::renameat2(folder, leaf.c_str(), pending->get(), grave.c_str(), RENAME_NOREPLACE) == 0;
  stream_step(core);
  const error_code error = moved ? check_no_entry(fd.get()) : unlink_at(folder, leaf, AT_REMOVEDIR);
  if (error && moved) { // another process has put something into it
    ::renameat2(pending->get(), grave.c_str(), folder, leaf.c_str(), RENAME_NOREPLACE);
  }
  if (!error) {
    remove_when_closed({core, fd.get(), *key}, moved ? grave : std::string());
  }
  return error;
}

/// Finishes or undoes the removal of a file or directory.
void sweep_grave(share_core& core, int pending, const std::string& name) {
  const unique_fd fd(::openat(pending, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  const auto key = key_of(core, fd.get());
  if (fd.get() < 0 || ::fstat(fd.get(), &status) < 0 || !key) {
    return;
  }
  if (S_ISDIR(status.st_mode)) {
    const unique_fd readable(::openat(pending, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (readable.get() >= 0 && !check_no_entry(readable.get())) {
      remove_all_stored({core, fd.get(), *key});
      static_cast<void>(unlink_at(pending, name, AT_REMOVEDIR));
    }
    return;
  }
  if (status.st_nlink == 1) {
    remove_all_stored({core, fd.get(), *key});
  }
  static_cast<void>(unlink_at(pending, name, 0));
}

/// Settles or removes a stream's file. Keeps it if its owner is not where it was: that may have
/// been moved by another program.
void sweep_stream(share_core& core, int pending, const std::string& name, const stream_id& id) {
  const unique_fd file(::openat(pending, name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (file.get() < 0 || ::flock(file.get(), LOCK_EX | LOCK_NB) < 0) {
    return; // in use
  }
  const auto owner = load_owner(file.get());
  if (!owner) {
    static_cast<void>(unlink_at(pending, name, 0)); // it was never referred to
    return;
  }
  const auto base = owner->path ? open_beneath(core, *owner->path, O_PATH) : from_errno(ENOENT);
  const auto key = base ? key_of(core, base->get()) : base.error();
  if (!key || *key != owner->file) {
    return;
  }
  const std::lock_guard lock(core.stripe(key->inode));
  const auto references = references_of(base->get());
  if (!references) {
    return;
  }
  const bool is_used = std::find(references->begin(), references->end(), id) != references->end();
  static_cast<void>(is_used ? settle(core, id) : unlink_at(pending, name, 0));
}

struct directory_closer {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, directory_closer> directory(::fdopendir(::dup(folder)));
  while (directory && names.size() < stream_sweep_max) {
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) {
      break;
    }
    names.emplace_back(entry->d_name);
  }
  return names;
}

} // namespace

void remove_grave(share_core& core, const std::string& grave) {
  const auto pending =
    grave.empty() ? result<unique_fd>(from_errno(ENOENT)) : open_pending_folder(core, false);
  if (pending && unlink_at(pending->get(), grave, 0) == from_errno(EISDIR)) {
    static_cast<void>(unlink_at(pending->get(), grave, AT_REMOVEDIR));
  }
}

void remove_all_stored(const stream_base& base) {
  const std::lock_guard lock(base.lock());
  const auto references = references_of(base.fd);
  if (!references) {
    return;
  }
  for (const stream_id& id : *references) {
    auto file = open_stored(base.core, id, false);
    if (!file) {
      file = open_pending(base.core, id, false);
    }
    const auto owner = file ? load_owner(file->get()) : file.error();
    if (owner && owner->file == base.key) {
      static_cast<void>(remove_stored(base.core, id));
    }
  }
}

void sweep_store(share_core& core) {
  const auto pending = open_pending_folder(core, false);
  if (!pending) {
    return;
  }
  for (const std::string& name : names_in(pending->get())) {
    if (name.ends_with(grave_suffix)) {
      sweep_grave(core, pending->get(), name);
    } else if (const auto id = stream_id::parse(name)) {
      sweep_stream(core, pending->get(), name, *id);
    }
  }
}

error_code remove_entry(share_core& core, int folder, const std::string& leaf, bool is_directory) {
  if (!has_store(core)) {
    return unlink_at(folder, leaf, is_directory ? AT_REMOVEDIR : 0);
  }
  if (is_directory) {
    return bury_directory(core, folder, leaf);
  }
  replaced_entry entry(core, folder, leaf);
  const error_code error = unlink_at(folder, leaf, 0);
  stream_step(core);
  entry.finish();
  return error;
}

// The grave is a second name. As long as the file also has another one, its removal has not
// happened.
replaced_entry::replaced_entry(share_core& core, int folder, const std::string& leaf)
  : core_(core) {
  if (!has_store(core)) {
    return;
  }
  unique_fd file(::openat(folder, leaf.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode) ||
    status.st_nlink != 1) {
    return;
  }
  const auto streams = references_of(file.get());
  if (!streams || streams->empty()) {
    return;
  }
  file_ = std::move(file);
  const auto pending = open_pending_folder(core, true);
  std::string grave = stream_id::random().text() + std::string(grave_suffix);
  if (pending && ::linkat(folder, leaf.c_str(), pending->get(), grave.c_str(), 0) == 0) {
    grave_ = std::move(grave);
    stream_step(core);
  }
}

void replaced_entry::finish() {
  struct stat status {};
  if (file_.get() < 0 || ::fstat(file_.get(), &status) < 0) {
    return;
  }
  const nlink_t other_names = status.st_nlink - (grave_.empty() ? 0 : 1);
  const auto key = key_of(core_, file_.get());
  if (other_names > 0 || !key) {
    remove_grave(core_, grave_);
    return;
  }
  remove_when_closed({core_, file_.get(), *key}, grave_);
}

} // namespace leasebreak::smb::vfs::detail
