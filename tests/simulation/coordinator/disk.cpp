// See disk.hpp.
#include "disk.hpp"

#include <algorithm>

namespace leasebreak::simulation {

disk::disk() {
  static_cast<void>(make(true));
  for (const std::string_view name : {"x", "y"})
    link(*look_up(name), make(true));
}

std::optional<place> disk::look_up(std::string_view path) const {
  inode at_directory = root;
  for (;;) {
    const auto slash = path.find('/');
    const auto name = path.substr(0, slash);
    const auto& entries = nodes_[at_directory].entries;
    const auto found = entries.find(name);
    if (slash == std::string_view::npos)
      return place{at_directory, std::string(name),
        found == entries.end() ? std::nullopt : std::optional(found->second)};
    if (found == entries.end() || !nodes_[found->second].is_directory)
      return std::nullopt;
    at_directory = found->second;
    path.remove_prefix(slash + 1);
  }
}

std::optional<inode> disk::entry(const place& where) const {
  const auto& entries = nodes_[where.directory].entries;
  const auto found = entries.find(where.name);
  return found == entries.end() ? std::nullopt : std::optional(found->second);
}

std::string disk::path_of(const place& where) const {
  for (const auto& [name, file] : nodes_[root].entries)
    if (file == where.directory)
      return name + "/" + where.name;
  return where.name;
}

std::optional<place> disk::find(inode file) const {
  for (inode directory = 0; directory < nodes_.size(); ++directory)
    for (const auto& [name, each] : nodes_[directory].entries)
      if (each == file)
        return place{directory, name, file};
  return std::nullopt;
}

inode disk::make(bool is_directory) {
  node n;
  n.is_directory = is_directory;
  n.stored = n.newest = next_version();
  nodes_.push_back(std::move(n));
  return nodes_.size() - 1;
}

void disk::link(const place& where, inode file) {
  nodes_[where.directory].entries[where.name] = file;
  changed(where.directory);
}

void disk::unlink(const place& where) {
  auto& entries = nodes_[where.directory].entries;
  const auto found = entries.find(where.name);
  if (found == entries.end())
    return;
  const auto file = found->second;
  entries.erase(found);
  drop_if_unnamed(file);
  changed(where.directory);
}

void disk::rename(const place& from, const place& to) {
  const auto file = nodes_[from.directory].entries.at(from.name);
  nodes_[from.directory].entries.erase(from.name);
  changed(from.directory);
  auto& entries = nodes_[to.directory].entries;
  const auto replaced = entries.find(to.name);
  const bool replaces = replaced != entries.end();
  const auto gone = replaces ? replaced->second : root;
  entries[to.name] = file;
  if (replaces)
    drop_if_unnamed(gone);
  changed(to.directory);
}

void disk::changed(inode directory) {
  nodes_[directory].stored = nodes_[directory].newest = next_version();
}

void disk::drop_if_unnamed(inode file) {
  const auto names = [&](const node& n) {
    return std::ranges::any_of(n.entries, [&](const auto& e) { return e.second == file; });
  };
  nodes_[file].is_gone = std::ranges::none_of(nodes_, names);
}

} // namespace leasebreak::simulation
