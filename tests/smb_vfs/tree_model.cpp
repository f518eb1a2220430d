// A second implementation of a share's rules, without a file system.
#include "tree_model.hpp"

#include <cerrno>

namespace leasebreak::smb::vfs::testing {

namespace {

bool truncates(disposition how) {
  return how == disposition::supersede || how == disposition::overwrite ||
    how == disposition::overwrite_if;
}

bool creates(disposition how) {
  return how != disposition::open && how != disposition::overwrite;
}

create_action action_of(disposition how) {
  if (how == disposition::supersede) {
    return create_action::superseded;
  }
  return truncates(how) ? create_action::overwritten : create_action::opened;
}

error_code check_attributes(const model_node& node, const open_options& options, bool is_stream) {
  const bool read_only = (node.attributes & attribute::read_only) != 0;
  if (read_only && !node.is_directory && (options.write || truncates(options.how))) {
    return errc::read_only;
  }
  if (read_only && options.delete_on_close) {
    return errc::cannot_delete;
  }
  const auto special = node.attributes & (attribute::hidden | attribute::system);
  if (!is_stream && truncates(options.how) && (special & ~options.attributes) != 0) {
    return errc::attributes_mismatch;
  }
  return {};
}

bool is_below(const node_ptr& node, const node_ptr& folder) {
  if (node == folder) {
    return true;
  }
  for (const auto& [leaf, child] : folder->children) {
    if (child->node->is_directory && is_below(node, child->node)) {
      return true;
    }
  }
  return false;
}

} // namespace

error_code tree_model::find_folder(const path& name, node_ptr& folder) const {
  folder = root_;
  const std::string all = name.parent().name();
  for (std::size_t at = 0; at < all.size();) {
    const auto slash = std::min(all.find('/', at), all.size());
    const auto child = folder->children.find(all.substr(at, slash - at));
    if (child == folder->children.end() || !child->second->node->is_directory) {
      return errc::path_not_found;
    }
    folder = child->second->node;
    at = slash + 1;
  }
  return {};
}

error_code tree_model::find(const path& name, node_ptr& node, name_ptr& entry) const {
  node = root_;
  entry = nullptr;
  if (name.is_root()) {
    return {};
  }
  node_ptr folder;
  if (const error_code error = find_folder(name, folder)) {
    return error;
  }
  const auto child = folder->children.find(std::string(name.leaf()));
  if (child == folder->children.end()) {
    return errc::name_not_found;
  }
  entry = child->second;
  node = entry->node;
  return {};
}

name_ptr tree_model::add(const node_ptr& folder, const std::string& leaf, const node_ptr& node) {
  auto name = std::make_shared<model_name>(model_name{folder, leaf, node});
  ++node->names;
  folder->children[leaf] = name;
  return name;
}

void tree_model::drop(const name_ptr& name) {
  name->folder.lock()->children.erase(name->leaf);
  name->alive = false;
  --name->node->names;
}

error_code tree_model::open(const path& name, const open_options& options, model_open& done) {
  return name.stream().empty() ? open_node(name, options, done) : open_stream(name, options, done);
}

error_code tree_model::open_node(const path& name, const open_options& options, model_open& done) {
  if (options.kind == node_kind::directory && truncates(options.how)) {
    return errc::invalid_argument;
  }
  done.write = options.write;
  done.attributes = options.attributes;
  const error_code missing = find(name, done.node, done.name);
  if (!missing && options.how == disposition::create) {
    return errc::name_collision;
  }
  if (!missing) {
    if (done.node->is_directory && (options.kind == node_kind::file || truncates(options.how))) {
      return errc::is_directory;
    }
    if (!done.node->is_directory && options.kind == node_kind::directory) {
      return errc::not_directory;
    }
    done.action = action_of(options.how);
    done.truncates = truncates(options.how);
    const error_code error = check_attributes(*done.node, options, false);
    return !error && name.is_root() && options.delete_on_close ? errc::cannot_delete : error;
  }
  if (missing != errc::name_not_found || !creates(options.how)) {
    return missing;
  }
  if (options.delete_on_close && (options.attributes & attribute::read_only) != 0) {
    return errc::cannot_delete;
  }
  node_ptr folder;
  static_cast<void>(find_folder(name, folder));
  done.node = std::make_shared<model_node>();
  done.node->is_directory = options.kind == node_kind::directory;
  done.node->attributes = options.attributes & attribute::kept;
  if (done.node->is_directory) {
    done.node->attributes &= ~attribute::temporary;
  } else {
    done.node->attributes |= attribute::archive;
  }
  done.name = add(folder, std::string(name.leaf()), done.node);
  done.created = true;
  done.action = create_action::created;
  return {};
}

error_code tree_model::open_stream(
  const path& name, const open_options& options, model_open& done) {
  if (options.kind == node_kind::directory) {
    return errc::not_directory;
  }
  open_options base = options;
  base.how = creates(options.how) ? disposition::open_if : disposition::open;
  base.kind = node_kind::any;
  base.write = false;
  // An existing file is checked completely below.
  base.delete_on_close =
    options.delete_on_close && find(name.base(), done.node, done.name) == errc::name_not_found;
  if (const error_code error = open_node(name.base(), base, done)) {
    return error;
  }
  done.base_created = done.created;
  done.created = false;
  done.write = options.write;
  done.stream = name.stream();
  if (!done.base_created) {
    if (const error_code error = check_attributes(*done.node, options, true)) {
      return error;
    }
  }
  error_code error;
  const bool exists = done.node->streams.count(done.stream) != 0;
  if (exists && options.how == disposition::create) {
    error = errc::name_collision;
  } else if (!exists && !creates(options.how)) {
    error = errc::name_not_found;
  } else if (!exists && done.node->streams.size() >= limits_.streams_max) {
    error = errc::too_many_streams;
  }
  if (error) {
    return error; // cannot happen for a new base file, which has no streams
  }
  done.created = !exists;
  done.action = exists ? action_of(options.how) : create_action::created;
  done.truncates = exists && truncates(options.how);
  done.node->streams[done.stream];
  return {};
}

error_code tree_model::truncate(const model_open& open) {
  if (open.node->is_directory && open.stream.empty()) {
    return errc::invalid_argument;
  }
  if (!open.stream.empty()) {
    const auto stream = open.node->streams.find(open.stream);
    if (stream == open.node->streams.end()) {
      return errc::name_not_found;
    }
    if (open.truncates) {
      stream->second.clear();
    }
    return {};
  }
  if (open.truncates) {
    open.node->data.clear();
    open.node->streams.clear();
    const auto before = open.action == create_action::superseded ? 0 : open.node->attributes;
    open.node->attributes = ((before | open.attributes) & attribute::kept) | attribute::archive;
  }
  return {};
}

error_code tree_model::undo(const model_open& open) {
  if (!open.created) {
    return {};
  }
  if (open.stream.empty()) {
    return remove(open);
  }
  if (open.node->streams.erase(open.stream) == 0) {
    return errc::name_not_found;
  }
  if (!open.base_created || !open.node->data.empty() || !open.node->streams.empty()) {
    return {};
  }
  if (!open.name->alive) {
    return errc::name_not_found;
  }
  drop(open.name);
  return {};
}

error_code tree_model::rename(const model_open& open, const path& target, bool replace) {
  if (!open.stream.empty()) {
    return errc::invalid_argument;
  }
  node_ptr folder;
  if (target.is_root()) {
    return errc::name_collision;
  }
  if (const error_code error = find_folder(target, folder)) {
    return error;
  }
  if (!open.name) {
    return errc::cannot_delete;
  }
  if (!open.name->alive) {
    return errc::name_not_found;
  }
  const std::string leaf(target.leaf());
  if (open.name->folder.lock() == folder && open.name->leaf == leaf) {
    return {};
  }
  if (const auto old = folder->children.find(leaf); old != folder->children.end()) {
    const name_ptr there = old->second;
    if (!replace) {
      return errc::name_collision;
    }
    if (there->node == open.node) {
      drop(open.name);
      return {};
    }
    if (open.node->is_directory || there->node->is_directory ||
      (there->node->attributes & attribute::read_only) != 0) {
      return errc::cannot_replace;
    }
    drop(there);
  }
  if (open.node->is_directory && is_below(folder, open.node)) {
    return errc::invalid_argument;
  }
  open.name->folder.lock()->children.erase(open.name->leaf);
  open.name->folder = folder;
  open.name->leaf = leaf;
  folder->children[leaf] = open.name;
  return {};
}

error_code tree_model::link(const model_open& open, const path& target, bool replace) {
  if (!open.stream.empty()) {
    return errc::invalid_argument;
  }
  if (open.node->is_directory) {
    return errc::is_directory;
  }
  if (open.node->names == 0) {
    return errc::name_not_found;
  }
  node_ptr folder;
  if (target.is_root()) {
    return errc::name_collision;
  }
  if (const error_code error = find_folder(target, folder)) {
    return error;
  }
  const std::string leaf(target.leaf());
  if (const auto old = folder->children.find(leaf); old != folder->children.end()) {
    const name_ptr there = old->second;
    if (!replace) {
      return errc::name_collision;
    }
    if (there->node == open.node) {
      return {};
    }
    if (there->node->is_directory || (there->node->attributes & attribute::read_only) != 0) {
      return errc::cannot_replace;
    }
    drop(there);
  }
  add(folder, leaf, open.node);
  return {};
}

error_code tree_model::remove(const model_open& open) {
  if (!open.stream.empty()) {
    return open.node->streams.erase(open.stream) == 0 ? errc::name_not_found : error_code{};
  }
  if (!open.name) {
    return errc::cannot_delete;
  }
  if (!open.name->alive) {
    return errc::name_not_found;
  }
  if (!open.node->children.empty()) {
    return from_errno(ENOTEMPTY);
  }
  drop(open.name);
  return {};
}

error_code tree_model::check_removable(const model_open& open) const {
  if (!open.stream.empty() && open.node->streams.count(open.stream) == 0) {
    return errc::name_not_found;
  }
  if ((!open.name && open.stream.empty()) || (open.node->attributes & attribute::read_only) != 0) {
    return errc::cannot_delete;
  }
  return open.stream.empty() && !open.node->children.empty() ? from_errno(ENOTEMPTY) : error_code{};
}

error_code tree_model::data_of(const model_open& open, std::string*& data) {
  if (open.stream.empty()) {
    data = &open.node->data;
    return {};
  }
  const auto stream = open.node->streams.find(open.stream);
  if (stream == open.node->streams.end()) {
    return errc::name_not_found;
  }
  data = &stream->second;
  return {};
}

error_code tree_model::write(const model_open& open, std::size_t offset, const std::string& text) {
  if (open.node->is_directory && open.stream.empty()) {
    return errc::is_directory;
  }
  if (!open.write) {
    return errc::no_access;
  }
  if (!open.stream.empty() && offset + text.size() > limits_.stream_bytes_max) {
    return errc::stream_too_large;
  }
  std::string* data = nullptr;
  if (const error_code error = data_of(open, data)) {
    return error;
  }
  data->resize(std::max(data->size(), offset + text.size()), '\0');
  data->replace(offset, text.size(), text);
  return {};
}

error_code tree_model::resize(const model_open& open, std::size_t size) {
  if (open.node->is_directory && open.stream.empty()) {
    return errc::is_directory;
  }
  if (!open.write) {
    return errc::no_access;
  }
  if (!open.stream.empty() && size > limits_.stream_bytes_max) {
    return errc::stream_too_large;
  }
  std::string* data = nullptr;
  if (const error_code error = data_of(open, data)) {
    return error;
  }
  data->resize(size, '\0');
  return {};
}

error_code tree_model::read(
  const model_open& open, std::size_t offset, std::size_t length, std::string& text) const {
  if (open.node->is_directory && open.stream.empty()) {
    return errc::is_directory;
  }
  std::string* data = nullptr;
  if (const error_code error = data_of(open, data)) {
    return error;
  }
  text = offset < data->size() ? data->substr(offset, length) : std::string();
  return {};
}

error_code tree_model::change(const model_open& open, std::uint32_t attributes) {
  const bool is_directory = open.node->is_directory && open.stream.empty();
  if ((attributes & (is_directory ? attribute::temporary : attribute::directory)) != 0) {
    return errc::invalid_argument;
  }
  open.node->attributes = attributes & attribute::kept;
  return {};
}

error_code tree_model::rename_stream(model_open& open, const std::string& name, bool replace) {
  if (open.stream.empty()) {
    return errc::invalid_stream;
  }
  if (open.stream == name) {
    return {};
  }
  const auto source = open.node->streams.find(open.stream);
  if (source == open.node->streams.end()) {
    return errc::name_not_found;
  }
  if (!replace && open.node->streams.count(name) != 0) {
    return errc::name_collision;
  }
  open.node->streams[name] = source->second;
  open.node->streams.erase(source);
  open.stream = name;
  return {};
}

} // namespace leasebreak::smb::vfs::testing
