// The opens of streams by file: how long its streams live without a name, and who follows a rename.
#include "open_file.hpp"
#include "streams.hpp"

#include <algorithm>
#include <mutex>

#include <sys/stat.h>

namespace leasebreak::smb::vfs::detail {

namespace {

std::string identity_locked(stream_opens_of_file& file, const std::string& name) {
  const auto known = file.identities.find(name);
  if (known != file.identities.end()) {
    return known->second;
  }
  const auto is_taken = [&](const std::string& identity) {
    return std::any_of(file.identities.begin(), file.identities.end(),
      [&](const auto& each) { return each.second == identity; });
  };
  std::string mine = name;
  for (int i = 1; is_taken(mine); ++i) { // a name has no colon
    mine = name + ':' + std::to_string(i);
  }
  if (mine != name) {
    file.identities.emplace(name, mine);
  }
  return mine;
}

} // namespace

void add_stream_open(share_core& core, std::uint64_t inode, open_file& open) {
  const std::lock_guard lock(core.stream_opens_mutex);
  core.stream_opens[inode].opens.push_back(&open);
}

void drop_stream_open(const stream_base& base, open_file& open) {
  stream_opens_of_file last;
  {
    const std::lock_guard lock(base.core.stream_opens_mutex);
    const auto file = base.core.stream_opens.find(base.key.inode);
    std::erase(file->second.opens, &open);
    if (!file->second.opens.empty()) {
      return;
    }
    last = std::move(file->second);
    base.core.stream_opens.erase(file);
  }
  struct stat status {};
  const bool is_removed =
    has_store(base.core) && ::fstat(base.fd, &status) == 0 && status.st_nlink == 0;
  if (last.is_nameless || is_removed) {
    remove_all_stored(base);
    remove_grave(base.core, last.grave);
  }
}

std::string identity_of_stream(share_core& core, std::uint64_t inode, const std::string& name) {
  const std::lock_guard lock(core.stream_opens_mutex);
  const auto file = core.stream_opens.find(inode);
  return file == core.stream_opens.end() ? name : identity_locked(file->second, name);
}

bool is_nameless(share_core& core, std::uint64_t inode) {
  const std::lock_guard lock(core.stream_opens_mutex);
  const auto file = core.stream_opens.find(inode);
  return file != core.stream_opens.end() && file->second.is_nameless;
}

void follow_rename(
  share_core& core, std::uint64_t inode, const std::string& from, const std::string& to) {
  const std::lock_guard lock(core.stream_opens_mutex);
  const auto file = core.stream_opens.find(inode);
  if (file == core.stream_opens.end()) {
    return;
  }
  std::string mine = identity_locked(file->second, from);
  file->second.identities.erase(from);
  file->second.identities[to] = std::move(mine);
  for (open_file* open : file->second.opens) {
    open->follow_rename(from, to);
  }
}

} // namespace leasebreak::smb::vfs::detail
