// The phases of an open: opens an existing file or exclusively creates a missing one. Truncates
// nothing before the coordinator has permitted the open.
#include "share.hpp"

#include "extended.hpp"
#include "share_core.hpp"
#include "streams.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace leasebreak::smb::vfs {

namespace {

using detail::open_parts;
using detail::open_slot;
using detail::share_core;
using detail::unique_fd;

bool truncates(disposition how) {
  return how == disposition::supersede || how == disposition::overwrite ||
    how == disposition::overwrite_if;
}

bool creates(disposition how) {
  return how != disposition::open && how != disposition::overwrite;
}

create_action action_on_existing(disposition how) {
  if (how == disposition::supersede) {
    return create_action::superseded;
  }
  return truncates(how) ? create_action::overwritten : create_action::opened;
}

/// A file or directory before it becomes an open_file.
struct node {
  unique_fd fd;
  file_info info;
  bool missing = false; ///< It does not exist, and was not created.
  bool unnamed = false; ///< It was created without a name.
  identity directory; ///< With `missing` or `unnamed`: the directory of the name.
};

/// The kind that the name and the options together require.
result<node_kind> effective_kind(const path& name, const open_options& options) {
  auto kind = options.kind;
  if (name.names_directory()) {
    if (kind == node_kind::file) {
      return error_code(errc::invalid_name);
    }
    kind = node_kind::directory;
  }
  const bool is_data = name.names_data() || !name.stream().empty();
  if (is_data && kind == node_kind::directory) {
    return error_code(errc::not_directory);
  }
  if (name.names_data()) {
    kind = node_kind::file;
  }
  if (static_cast<std::uint32_t>(options.how) >
      static_cast<std::uint32_t>(disposition::overwrite_if) ||
    (kind == node_kind::directory && truncates(options.how))) {
    return error_code(errc::invalid_argument);
  }
  return kind;
}

int access_flags(bool read, bool write) {
  if (write) {
    return read ? O_RDWR : O_WRONLY;
  }
  return O_RDONLY;
}

/// Makes a node from a descriptor.
result<node> look_at(share_core& core, unique_fd fd, node_kind kind) {
  auto info = detail::read_info(core, fd.get(), {});
  if (!info) {
    return info.error();
  }
  if (kind == node_kind::file && info->is_directory) {
    return error_code(errc::is_directory);
  }
  node found;
  found.fd = std::move(fd);
  found.info = std::move(*info);
  return found;
}

int flags_for(node_kind kind, bool read, bool write) {
  return kind == node_kind::directory ? O_RDONLY | O_DIRECTORY : access_flags(read, write);
}

result<node> open_existing_cached(
  share_core& core, const path& name, node_kind kind, const open_options& options) {
  const bool write = options.write || truncates(options.how);
  auto fd = detail::open_cached(core, name.on_disk(), flags_for(kind, options.read, write));
  return fd ? look_at(core, std::move(*fd), kind) : fd.error();
}

result<node> open_existing(
  share_core& core, const path& name, node_kind kind, bool read, bool write) {
  const int flags = flags_for(kind, read, write);
  const int only_directory = flags & O_DIRECTORY;
  auto fd = detail::open_beneath(core, name.on_disk(), flags);
  if (!fd && fd.error() == from_errno(EISDIR) && kind == node_kind::any) {
    fd = detail::open_beneath(core, name.on_disk(), O_RDONLY | O_DIRECTORY);
  }
  if (!fd && fd.error() == from_errno(EACCES) && !read && !write) {
    // Reading attributes needs no permission on the file itself.
    fd = detail::open_beneath(core, name.on_disk(), O_PATH | only_directory);
  }
  if (!fd) {
    return detail::explain(core, name, fd.error());
  }
  return look_at(core, std::move(*fd), kind);
}

/// MS-FSA 2.1.5.1.2: checks the attributes of an existing file.
error_code check_attributes(const file_info& info, const open_options& options) {
  const bool read_only = (info.attributes & attribute::read_only) != 0;
  if (read_only && !info.is_directory && (options.write || truncates(options.how))) {
    return errc::read_only;
  }
  if (read_only && options.delete_on_close) {
    return errc::cannot_delete;
  }
  constexpr auto special = attribute::hidden | attribute::system;
  if (truncates(options.how) && (info.attributes & special & ~options.attributes) != 0) {
    return errc::attributes_mismatch;
  }
  return {};
}

/// Removes a newly created file, if the name still refers to it.
error_code remove_created(
  share_core& core, const path& name, const identity& id, bool is_directory) {
  const std::lock_guard lock(core.names);
  const auto folder = detail::open_parent(core, name);
  if (!folder) {
    return folder.error();
  }
  const std::string leaf(name.leaf_on_disk());
  const auto found = detail::identify(folder->get(), leaf);
  if (!found || found->device != id.device || found->inode != id.inode) {
    return errc::name_not_found;
  }
  return detail::remove_entry(core, folder->get(), leaf, is_directory);
}

/// Sets the attributes, extended attributes and allocation of a new node. Writes a record only if
/// it differs from the defaults.
error_code dress(share_core& core, node& made, const open_options& options) {
  const auto kept = options.attributes & attribute::kept;
  const auto attributes =
    made.info.is_directory ? kept & ~attribute::temporary : kept | attribute::archive;
  const auto without_record = made.info.is_directory ? 0 : attribute::archive;
  if (core.has_xattrs && (attributes != without_record || !core.has_birth_times)) {
    detail::dos_record record;
    record.attributes = attributes;
    record.creation_time = made.info.creation_time;
    const error_code error = detail::store_record(made.fd.get(), record);
    if (error && error != from_errno(EOPNOTSUPP)) {
      return error;
    }
  }
  if (!options.eas.empty()) {
    const error_code error =
      detail::set_attributes(core, made.fd.get(), made.info.id.inode, options.eas);
    if (error) {
      return error;
    }
  }
  if (options.allocation_size > 0 && !made.info.is_directory) {
    if (options.allocation_size > core.options.file_bytes_max) {
      return errc::invalid_argument;
    }
    if (const error_code error = detail::reserve(made.fd.get(), options.allocation_size)) {
      return error;
    }
  }
  auto info = detail::read_info(core, made.fd.get(), {});
  if (!info) {
    return info.error();
  }
  made.info = std::move(*info);
  return {};
}

result<unique_fd> make_directory(share_core& core, const path& name) {
  const auto folder = detail::open_parent(core, name);
  if (!folder) {
    return folder.error();
  }
  const std::string leaf(name.leaf_on_disk());
  if (::mkdirat(folder->get(), leaf.c_str(), core.options.directory_mode) < 0) {
    return detail::explain(core, name, from_errno(errno));
  }
  unique_fd fd(
    ::openat(folder->get(), leaf.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.get() < 0) {
    return detail::explain(core, name, from_errno(errno));
  }
  return fd;
}

result<unique_fd> make_file(share_core& core, const path& name) {
  auto fd =
    detail::open_beneath(core, name.on_disk(), O_RDWR | O_CREAT | O_EXCL, core.options.file_mode);
  if (!fd && fd.error() == from_errno(ENOENT)) {
    return error_code(errc::path_not_found); // O_CREAT creates the file, so a folder is missing
  }
  if (!fd) {
    return detail::explain(core, name, fd.error());
  }
  return fd;
}

/// Returns `errc::name_not_found` if the name is free.
error_code look_for(share_core& core, const path& name) {
  const auto there = detail::open_beneath(core, name.on_disk(), O_PATH);
  return there ? error_code(errc::name_collision) : detail::explain(core, name, there.error());
}

/// MS-FSA 2.1.5.1.1: a file that is created read-only cannot be deleted on close.
error_code check_new(share_core& core, const path& name, const open_options& options) {
  if (name.is_root()) {
    return errc::name_collision;
  }
  if (options.delete_on_close && (options.attributes & attribute::read_only) != 0) {
    const error_code why = look_for(core, name);
    return why == errc::name_not_found ? error_code(errc::cannot_delete) : why;
  }
  return {};
}

/// Creates an unnamed file in the folder. Returns no descriptor if the file system does not support
/// it.
result<unique_fd> make_unnamed(share_core& core, int folder) {
  if (!core.has_unnamed.load(std::memory_order_relaxed)) {
    return unique_fd();
  }
  unique_fd fd(::openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, core.options.file_mode));
  if (fd.get() >= 0) {
    return fd;
  }
  // EISDIR: the kernel does not support the flag.
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
    return from_errno(errno);
  }
  core.has_unnamed.store(false, std::memory_order_relaxed);
  return unique_fd();
}

/// `share::prepare` for a free name.
result<node> prepare_new(
  share_core& core, const path& name, bool directory, const open_options& options) {
  if (const error_code error = check_new(core, name, options)) {
    return error;
  }
  const auto folder = detail::open_parent(core, name);
  if (!folder) {
    return folder.error();
  }
  if (const error_code error = look_for(core, name); error != errc::name_not_found) {
    return error;
  }
  const auto where = detail::read_info(core, folder->get(), {});
  if (!where) {
    return where.error();
  }
  node made;
  made.directory = where->id;
  if (!directory) {
    auto fd = make_unnamed(core, folder->get());
    if (!fd) {
      return detail::explain(core, name, fd.error());
    }
    made.fd = std::move(*fd);
  }
  made.missing = made.fd.get() < 0;
  if (made.missing) {
    return made;
  }
  made.unnamed = true;
  auto info = detail::read_info(core, made.fd.get(), {});
  if (!info) {
    return info.error();
  }
  made.info = std::move(*info);
  if (const error_code error = dress(core, made, options)) {
    return error;
  }
  return made;
}

/// Creates exclusively. Errors: `errc::name_collision` and others.
result<node> create_new(
  share_core& core, const path& name, bool directory, const open_options& options) {
  if (const error_code error = check_new(core, name, options)) {
    return error;
  }
  auto fd = directory ? make_directory(core, name) : make_file(core, name);
  if (!fd) {
    return fd.error();
  }
  node made;
  made.fd = std::move(*fd);
  auto info = detail::read_info(core, made.fd.get(), {});
  if (!info) {
    return info.error();
  }
  made.info = std::move(*info);
  if (const error_code error = dress(core, made, options)) {
    static_cast<void>(remove_created(core, name, made.info.id, directory));
    return error;
  }
  return made;
}

/// Opens or creates a file, depending on the disposition. Sets `created`.
result<node> resolve(share_core& core, const path& name, node_kind kind,
  const open_options& options, bool prepares, bool& created) {
  const bool write = options.write || truncates(options.how);
  created = false;
  for (int attempt = 0; attempt < detail::attempts_max; ++attempt) {
    if (options.how != disposition::create) {
      auto found = open_existing(core, name, kind, options.read, write);
      if (found || found.error() != errc::name_not_found || !creates(options.how)) {
        return found;
      }
    }
    const bool directory = kind == node_kind::directory;
    auto made = prepares ? prepare_new(core, name, directory, options)
                         : create_new(core, name, directory, options);
    if (made || made.error() != errc::name_collision || options.how == disposition::create) {
      created = made.has_value() && !made->missing;
      return made;
    }
  }
  return error_code(errc::keeps_changing);
}

open_ptr make_open(const std::shared_ptr<share_core>& core, node& from, const open_options& options,
  std::string stream) {
  open_parts parts;
  parts.core = core;
  parts.is_directory = from.info.is_directory && stream.empty();
  parts.can_read = options.read;
  parts.can_write = options.write;
  parts.id = from.info.id;
  if (!stream.empty()) {
    parts.id.stream = detail::identity_of_stream(*core, parts.id.inode, stream);
  }
  parts.stream = std::move(stream);
  parts.fd = std::move(from.fd);
  return std::make_shared<open_file>(std::move(parts));
}

/// Makes an open from a node, if its attributes permit it.
result<opened> check_node(
  const std::shared_ptr<share_core>& core, node& found, const open_options& options, bool created) {
  // A directory cannot be overwritten. Opening it for writing has failed with EISDIR or was not
  // tried.
  if (found.info.is_directory && truncates(options.how)) {
    return error_code(errc::is_directory);
  }
  opened done;
  done.missing = found.missing;
  done.unnamed = found.unnamed;
  done.directory = found.directory;
  if (done.missing) {
    return done;
  }
  done.created = created;
  if (created) {
    done.action = create_action::created;
  } else {
    if (const error_code error = check_attributes(found.info, options)) {
      return error;
    }
    done.action = action_on_existing(options.how);
    done.truncates = truncates(options.how);
  }
  done.attributes = options.attributes;
  done.allocation_size = options.allocation_size;
  done.eas = options.eas;
  done.info = found.info;
  done.file = make_open(core, found, options, {});
  return done;
}

/// A created or existing stream, with its name on the disk.
struct stream_found {
  std::string name;
  create_action action = create_action::opened;
};

result<stream_found> ensure_stream(
  share_core& core, const node& file, const std::string& wanted, disposition how) {
  // Prevents the concurrent creation of two streams whose names differ only in case.
  const detail::stream_base base{core, file.fd.get(), {file.info.id.inode, file.info.id.birth}};
  const std::lock_guard lock(base.lock());
  const auto found = detail::find_stream_locked(base, wanted);
  if (found && how == disposition::create) {
    return error_code(errc::name_collision);
  }
  if (found) {
    return stream_found{*found, action_on_existing(how)};
  }
  if (found.error() != errc::name_not_found || !creates(how)) {
    return found.error();
  }
  const auto others = detail::list_streams(file.fd.get());
  if (others && others->size() >= core.options.streams_max) {
    return error_code(errc::too_many_streams);
  }
  if (const error_code error = detail::create_stream(base, wanted)) {
    return error;
  }
  return stream_found{wanted, create_action::created};
}

} // namespace

result<opened> share::open(const path& name, const open_options& options) {
  return open_named(name, options, false);
}

result<opened> share::prepare(const path& name, const open_options& options) {
  return open_named(name, options, true);
}

result<opened> share::make(
  const path& name, const open_options& options, const identity& directory) {
  const auto folder = detail::open_parent(*core_, name);
  if (!folder) {
    return folder.error();
  }
  const auto found = detail::identify(folder->get());
  if (!found || !detail::is_same(*found, directory)) {
    return error_code(errc::name_changed);
  }
  return open(name, options);
}

error_code share::give_name(opened& open, const path& name) {
  if (!open.file || !open.unnamed) {
    return errc::invalid_argument;
  }
  const auto folder = detail::open_parent(*core_, name);
  if (!folder) {
    return folder.error();
  }
  const auto found = detail::identify(folder->get());
  if (!found || !detail::is_same(*found, open.directory)) {
    return errc::name_changed;
  }
  const std::string leaf(name.leaf_on_disk());
  if (::linkat(AT_FDCWD, detail::proc_path(open.file->fd()).c_str(), folder->get(), leaf.c_str(),
        AT_SYMLINK_FOLLOW) < 0) {
    return detail::explain(*core_, name, from_errno(errno));
  }
  open.unnamed = false;
  // The descriptor has no name. Open the file by its new name, because that descriptor follows
  // renames.
  unique_fd fd(::openat(folder->get(), leaf.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  const auto named =
    fd.get() < 0 ? result<detail::entry_identity>(from_errno(errno)) : detail::identify(fd.get());
  if (named && detail::is_same(*named, open.info.id)) {
    open.file->replace_fd(std::move(fd));
  }
  auto info = open.file->info();
  if (!info) {
    return info.error();
  }
  open.info = std::move(*info);
  return {};
}

result<opened> share::open_named(const path& name, const open_options& options, bool prepares) {
  open_slot slot(*core_);
  if (!slot.taken()) {
    return error_code(errc::too_many_opens);
  }
  auto done = name.stream().empty() ? open_node(name, options, prepares)
                                    : open_stream(name, options, prepares);
  if (!done || done->missing) {
    return done;
  }
  slot.keep();
  if (options.delete_on_close && !done->created) {
    if (const error_code error = detail::check_unlinkable(*core_, *done->file)) {
      return error;
    }
  }
  return done;
}

result<opened> share::open_node(const path& name, const open_options& options, bool prepares) {
  const auto kind = effective_kind(name, options);
  if (!kind) {
    return kind.error();
  }
  bool created = false;
  auto found = resolve(*core_, name, *kind, options, prepares, created);
  if (!found) {
    return found.error();
  }
  return check_node(core_, *found, options, created);
}

std::optional<opened> share::open_cached(const path& name, const open_options& options) {
  const auto kind = effective_kind(name, options);
  if (!kind || !name.stream().empty() || options.how == disposition::create ||
    options.delete_on_close) {
    return std::nullopt;
  }
  open_slot slot(*core_);
  if (!slot.taken()) {
    return std::nullopt;
  }
  auto found = open_existing_cached(*core_, name, *kind, options);
  if (!found) {
    return std::nullopt;
  }
  auto done = check_node(core_, *found, options, false);
  if (!done) {
    return std::nullopt;
  }
  slot.keep();
  return std::move(*done);
}

result<opened> share::open_stream(const path& name, const open_options& options, bool prepares) {
  if (const auto kind = effective_kind(name, options); !kind) {
    return kind.error();
  }
  // Open the file itself, or create it if the stream may be created.
  open_options base_options = options;
  base_options.how = creates(options.how) ? disposition::open_if : disposition::open;
  base_options.kind = node_kind::any;
  base_options.read = base_options.write = false;
  base_options.allocation_size = 0;
  opened done;
  auto found =
    resolve(*core_, name.base(), node_kind::any, base_options, prepares, done.base_created);
  if (!found) {
    return found.error();
  }
  done.missing = found->missing;
  done.unnamed = found->unnamed;
  done.directory = found->directory;
  if (done.missing) {
    return done;
  }
  if (!done.base_created) {
    open_options checked = options;
    checked.attributes |= attribute::hidden | attribute::system; // the file keeps its own
    if (const error_code error = check_attributes(found->info, checked)) {
      return error;
    }
  }
  const auto stream = ensure_stream(*core_, *found, name.stream(), options.how);
  if (!stream) {
    if (done.base_created && !done.unnamed) {
      static_cast<void>(remove_created(*core_, name.base(), found->info.id, false));
    }
    return stream.error();
  }
  done.base_is_directory = found->info.is_directory;
  done.created = stream->action == create_action::created;
  done.action = stream->action;
  done.truncates = !done.created && truncates(options.how);
  auto info = detail::read_info(*core_, found->fd.get(), stream->name);
  if (!info) {
    return info.error();
  }
  done.file = make_open(core_, *found, options, stream->name);
  done.info = std::move(*info);
  done.info.id = done.file->id();
  return done;
}

result<file_info> share::truncate_for_overwrite(const opened& open) {
  if (!open.file || open.file->is_directory()) {
    return error_code(errc::invalid_argument);
  }
  open_file& file = *open.file;
  if (!open.truncates) {
    return file.info();
  }
  if (const error_code error = file.truncate()) {
    return error;
  }
  if (file.is_stream()) {
    return file.info();
  }
  const auto streams = detail::list_streams(file.fd());
  if (!streams) {
    return streams.error();
  }
  for (const auto& stream : *streams) {
    const error_code error = detail::remove_stream(file.base(), stream);
    if (error && error != errc::name_not_found) {
      return error;
    }
  }
  if (const error_code error = file.replace_extended_attributes(open.eas)) {
    return error;
  }
  if (open.allocation_size > core_->options.file_bytes_max) {
    return error_code(errc::invalid_argument);
  }
  if (const error_code error = detail::reserve(file.fd(), open.allocation_size)) {
    return error;
  }
  // MS-FSA 2.1.5.1.2.1: superseding replaces the attributes, overwriting adds to them.
  const auto now = file.info();
  if (!now) {
    return now;
  }
  const auto before = open.action == create_action::superseded ? 0 : now->attributes;
  basic_changes changes;
  changes.attributes = ((before | open.attributes) & attribute::kept) | attribute::archive;
  if (*changes.attributes != (now->attributes & attribute::kept)) {
    if (const error_code error = file.change(changes)) {
      return error;
    }
  }
  return file.info();
}

error_code share::undo_create(const opened& open) {
  if (!open.file || !open.created || open.unnamed) {
    return {};
  }
  open_file& file = *open.file;
  if (!file.is_stream()) {
    return remove(file);
  }
  const error_code error = detail::remove_stream(file.base(), file.stream());
  if (error || !open.base_created) {
    return error;
  }
  const auto base = detail::read_info(*core_, file.fd(), {});
  const auto others = detail::list_streams(file.fd());
  if (!base || !others || base->end_of_file > 0 || !others->empty()) {
    return {};
  }
  const auto name = file.current_path();
  return name ? remove_created(*core_, *name, base->id, false) : name.error();
}

} // namespace leasebreak::smb::vfs
