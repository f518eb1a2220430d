// A table ordered by path: the opens below a directory are adjacent and move together.
#include <smb_server/opens/open_paths.hpp>

namespace leasebreak::smb {

void open_paths::add(const open& o, const void* share, const std::string& path) {
  const std::lock_guard lock{mutex_};
  const auto where = by_place_.emplace(place{share, path}, entry{&o, o.stored});
  try {
    places_.emplace(&o, where);
  } catch (...) {
    by_place_.erase(where);
    throw;
  }
}

void open_paths::remove(const open& o) {
  const std::lock_guard lock{mutex_};
  const auto found = places_.find(&o);
  if (found == places_.end())
    return;
  by_place_.erase(found->second);
  places_.erase(found);
}

std::string open_paths::path_of(const open& o) const {
  const std::lock_guard lock{mutex_};
  const auto found = places_.find(&o);
  return found == places_.end() ? std::string{} : found->second->first.second;
}

std::vector<std::shared_ptr<stored_state>> open_paths::stored_at(
  const void* share, const std::string& path) const {
  std::vector<std::shared_ptr<stored_state>> result;
  const std::lock_guard lock{mutex_};
  const auto [begin, end] = by_place_.equal_range({share, path});
  for (auto it = begin; it != end; ++it) {
    if (it->second.stored)
      result.push_back(it->second.stored);
  }
  return result;
}

void open_paths::rename(const void* share, const std::string& from, const std::string& to) {
  const std::lock_guard lock{mutex_};
  std::vector<std::string> moving;
  if (by_place_.count({share, from}) != 0)
    moving.push_back(from);
  const std::string prefix = from + "/";
  for (auto it = by_place_.lower_bound({share, prefix});
       it != by_place_.end() && it->first.first == share && it->first.second.starts_with(prefix);
       ++it) {
    if (moving.empty() || moving.back() != it->first.second)
      moving.push_back(it->first.second);
  }
  for (const std::string& path : moving)
    move({share, path}, {share, to + path.substr(from.size())});
}

// If memory runs out, only some entries are moved, but the table stays consistent.
void open_paths::move(const place& from, const place& to) {
  std::vector<table::iterator> moving;
  const auto [begin, end] = by_place_.equal_range(from);
  for (auto it = begin; it != end; ++it)
    moving.push_back(it);
  for (const table::iterator it : moving) {
    table::iterator& where = places_.at(it->second.key);
    place now = to;
    auto node = by_place_.extract(it);
    node.key() = std::move(now);
    where = by_place_.insert(std::move(node));
  }
}

} // namespace leasebreak::smb
