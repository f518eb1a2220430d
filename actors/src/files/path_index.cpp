#include "path_index.hpp"

#include "path_search.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

std::string_view directory_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1); // all of it without a slash
}

/// Returns whether the paths of a directory's files may begin with `prefix`.
bool may_begin_with(std::string_view directory, std::string_view prefix) {
  if (directory.empty())
    return true;
  if (prefix.size() <= directory.size())
    return directory.starts_with(prefix);
  return prefix.starts_with(directory) && prefix.rfind('/') == directory.size();
}

/// Returns whether `path` is `directory` or beneath it. The root contains everything.
bool is_within(std::string_view path, std::string_view directory) {
  return directory.empty() ||
    (path.starts_with(directory) &&
      (path.size() == directory.size() || path[directory.size()] == '/'));
}

} // namespace

placed_open::placed_open(path_index& index, std::string root, std::string path, file_name_id file)
  : index_(index), root_(std::move(root)), file_(std::move(file)), path_(std::move(path)) {
  index_.enter(*this);
}

placed_open::~placed_open() {
  index_.leave(*this);
}

std::string placed_open::path() const {
  return index_.path_of(*this);
}

std::optional<file_name_id> placed_open::renamed_above() const {
  if (!index_.any_renamed())
    return std::nullopt;
  return index_.renamed_above(root_, path());
}

void path_index::enter(placed_open& open) {
  const place at{open.root_, directory_of(open.path_)};
  open.named_node::hash = name_table::hash_of(name_of(open.path_));
  auto& s = shards_[at.shard()];
  const std::lock_guard held(s.mutex);
  link(at.shard(), bucket_at(s, at), open);
}

const path_index::bucket& path_index::bucket_at(shard& s, const place& at) {
  auto found = s.buckets.find(at);
  if (found == s.buckets.end())
    found = s.buckets.insert(bucket(at)).first;
  return *found;
}

void path_index::link(std::size_t index, const bucket& in, placed_open& open) noexcept {
  open.next_ = in.first;
  open.link_ = &in.first;
  if (open.next_ != nullptr)
    open.next_->link_ = &open.next_;
  in.first = &open;
  shards_[index].names.insert(open);
  open.shard_.store(static_cast<std::uint32_t>(index), std::memory_order_release);
}

// A rename may move the open to another shard meanwhile.
path_index::shard& path_index::lock(
  const placed_open& open, std::unique_lock<std::mutex>& held) const {
  for (;;) {
    const auto index = open.shard_.load(std::memory_order_acquire);
    auto& s = shards_[index];
    held = std::unique_lock(s.mutex);
    if (open.shard_.load(std::memory_order_relaxed) == index)
      return s;
    held.unlock();
  }
}

void path_index::leave_locked(shard& s, placed_open& open) noexcept {
  if (open.link_ == nullptr)
    return;
  *open.link_ = open.next_;
  if (open.next_ != nullptr)
    open.next_->link_ = open.link_;
  open.link_ = nullptr;
  open.next_ = nullptr;
  s.names.erase(open);
  if (s.buckets.size() <= empty_max)
    return;
  const auto found = s.buckets.find(place(open.root_, directory_of(open.path_)));
  if (found != s.buckets.end() && found->first == nullptr)
    s.buckets.erase(found);
}

void path_index::leave(placed_open& open) noexcept {
  std::unique_lock<std::mutex> held;
  leave_locked(lock(open, held), open);
}

std::string path_index::path_of(const placed_open& open) const {
  std::unique_lock<std::mutex> held;
  static_cast<void>(lock(open, held));
  return open.path_;
}

template <class Visit>
void path_index::visit_beneath(
  std::string_view root, std::string_view directory, const Visit& visit) const {
  for (const auto& s : shards_) {
    const std::lock_guard held(s.mutex);
    for (const auto& b : s.buckets) {
      if (b.first == nullptr || b.root != root || !is_within(b.directory, directory))
        continue;
      for (const auto* each = b.first; each != nullptr; each = each->next_)
        if (each->is_open_.load() && !visit(each->file_))
          return;
    }
  }
}

std::vector<file_name_id> path_index::beneath(
  std::string_view root, std::string_view directory, std::size_t opens_max) const {
  std::vector<file_name_id> result;
  visit_beneath(root, directory, [&](const file_name_id& file) {
    result.push_back(file);
    return result.size() < opens_max;
  });
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

bool path_index::has_beneath(
  std::string_view root, std::string_view directory, const file_name_id* file) const {
  bool has = false;
  visit_beneath(root, directory, [&](const file_name_id& each) {
    has = file == nullptr || each == *file;
    return !has;
  });
  return has;
}

// Locks all shards in order. Renames are rare, and no reader may see half of one.
void path_index::rename(std::string_view root, std::string_view from, std::string_view to) {
  std::vector<placed_open*> moving;
  std::array<std::unique_lock<std::mutex>, shard_count> held;
  for (std::size_t i = 0; i < shard_count; ++i)
    held[i] = std::unique_lock(shards_[i].mutex);
  for (const auto& s : shards_)
    for (const auto& b : s.buckets)
      if (b.root == root && is_within(b.directory, directory_of(from)))
        for (auto* each = b.first; each != nullptr; each = each->next_)
          if (is_within(each->path_, from))
            moving.push_back(each);
  for (auto* const each : moving) {
    auto after = std::string(to) + each->path_.substr(from.size());
    const place at{each->root_, directory_of(after)};
    const auto name_hash = name_table::hash_of(name_of(after));
    auto& here = shards_[each->shard_.load(std::memory_order_relaxed)];
    if (at.directory == directory_of(each->path_)) {
      here.names.erase(*each);
      each->path_ = std::move(after);
      each->named_node::hash = name_hash;
      here.names.insert(*each);
    } else {
      const auto& there = bucket_at(shards_[at.shard()], at);
      leave_locked(here, *each);
      each->path_ = std::move(after);
      each->named_node::hash = name_hash;
      link(at.shard(), there, *each);
    }
    for (const auto& one : searches_)
      if (const auto search = one.lock())
        search->moved(each->path_, each->file_);
  }
}

void path_index::begin_search(const std::shared_ptr<path_search>& search) {
  const std::lock_guard held(shards_[0].mutex);
  std::erase_if(searches_, [](const auto& one) { return one.expired(); });
  searches_.push_back(search);
}

void path_index::end_search(const path_search& search) noexcept {
  const std::lock_guard held(shards_[0].mutex);
  std::erase_if(searches_, [&](const auto& one) { return one.lock().get() == &search; });
}

std::size_t path_index::search(std::size_t part, path_search& to) const {
  const auto& s = shards_[part];
  const std::lock_guard held(s.mutex);
  return to.what().path_tail.empty() ? search_directories(s, to) : search_names(s, to);
}

std::size_t path_index::search_directories(const shard& s, path_search& to) {
  std::size_t seen = 0;
  for (const auto& b : s.buckets) {
    ++seen;
    if (!may_begin_with(b.directory, to.what().path_prefix))
      continue;
    for (const auto* each = b.first; each != nullptr; each = each->next_, ++seen)
      if (!to.look_at(each->path_, each->file_))
        return seen;
  }
  return seen;
}

std::size_t path_index::search_names(const shard& s, path_search& to) {
  std::size_t seen = 1;
  s.names.for_each(name_table::hash_of(name_of(to.what().path_tail)), [&](const named_node& node) {
    ++seen;
    const auto& open = static_cast<const placed_open&>(node);
    return to.look_at(open.path_, open.file_);
  });
  return seen;
}

void path_index::begin_rename(const renamed_tree& what) {
  const std::lock_guard held(renames_mutex_);
  renames_.push_back(what);
  renames_count_.store(renames_.size());
}

void path_index::end_rename(const renamed_tree& what) noexcept {
  const std::lock_guard held(renames_mutex_);
  const auto found = std::find_if(renames_.begin(), renames_.end(), [&](const renamed_tree& r) {
    return r.directory == what.directory && r.root == what.root && r.path == what.path;
  });
  if (found != renames_.end())
    renames_.erase(found);
  renames_count_.store(renames_.size());
}

std::optional<file_name_id> path_index::renamed_above(
  std::string_view root, std::string_view path) const {
  if (renames_count_.load() == 0)
    return std::nullopt;
  const std::lock_guard held(renames_mutex_);
  for (const auto& r : renames_)
    if (r.root == root && path.size() > r.path.size() && is_within(path, r.path))
      return r.directory;
  return std::nullopt;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
