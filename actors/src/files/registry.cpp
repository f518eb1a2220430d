#include "registry.hpp"

#include "api/coordinator_impl.hpp"
#include "file_actor.hpp"

#include <algorithm>
#include <iterator>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

std::size_t file_registry::hash::operator()(const file_ref& file) const noexcept {
  return file->id_hash();
}

bool file_registry::equal::operator()(const hashed_id& a, const file_ref& b) const noexcept {
  return a.hash == b->id_hash() && a.text == b->file_id();
}

file_ref file_registry::find(std::string_view file) const {
  const hashed_id id(file);
  const auto& s = shards_[id.shard()];
  const std::lock_guard lock(s.mutex);
  const auto found = s.files.find(id);
  return found == s.files.end() || s.stopped ? file_ref{} : *found;
}

file_ref file_registry::find_or_create(std::string_view file) {
  const hashed_id id(file);
  auto& s = shards_[id.shard()];
  const std::lock_guard lock(s.mutex);
  if (s.stopped)
    return {};
  if (const auto found = s.files.find(id); found != s.files.end())
    return *found;
  const auto created =
    make_turn_actor<file_actor>(owner_.scheduler(), owner_, std::string(file), id.hash);
  s.files.insert(created);
  return created;
}

file_ref file_registry::deliver(std::string_view file, message_ptr& m) {
  for (;;) {
    auto to = find_or_create(file);
    if (!to || to->deliver(m))
      return to;
  }
}

void file_registry::end(shard& s, file_actor& file) {
  if (!file.end_if_unused())
    return; // It has received a message meanwhile, and will return here.
  if (const auto found = s.files.find(file_ref(file)); found != s.files.end())
    s.files.erase(found);
}

void file_registry::unused(file_actor& file) {
  if (file.is_listed())
    return;
  const file_ref self(file); // keeps the actor alive when it is erased from the table
  file_ref oldest; // destroyed after the lock is released
  auto& s = shards_[hashed_id::shard_of(file.id_hash())];
  const std::lock_guard lock(s.mutex);
  if (s.stopped || file.is_listed())
    return;
  if (listed_.fetch_add(1, std::memory_order_relaxed) >= unused_max_) {
    listed_.fetch_sub(1, std::memory_order_relaxed);
    if (s.unused.empty())
      return end(s, file);
    // The actor replaces the oldest one in the list. The oldest may be in use again. It is then off
    // the list, and returns to it when it becomes idle. This cannot be missed: it checks the mark
    // after it has become idle, and the mark is reset here before its idle state is checked.
    oldest = s.unused.front();
    s.unused.pop_front();
    oldest->set_listed(false);
    end(s, *oldest);
  }
  file.set_listed(true);
  s.unused.push_back(self);
}

std::vector<file_ref> file_registry::all() const {
  std::vector<file_ref> result;
  for (const auto& s : shards_) {
    const std::lock_guard lock(s.mutex);
    result.insert(result.end(), s.files.begin(), s.files.end());
  }
  return result;
}

namespace {

/// Appends the ids of `from`, least first, until `to` has `most`.
void append_least(
  std::vector<file_name_id>& to, std::size_t most, std::vector<std::string_view>& from) {
  const auto wanted =
    from.begin() + static_cast<std::ptrdiff_t>(std::min(most - to.size(), from.size()));
  std::partial_sort(from.begin(), wanted, from.end());
  to.insert(to.end(), from.begin(), wanted);
}

} // namespace

/// The least of the ids that are offered. Copies few of them.
class file_registry::least_ids {
public:
  explicit least_ids(std::size_t most) : most_(most) {}

  void offer(std::string_view id) {
    if (heap_.size() == most_) {
      if (id >= heap_.front())
        return;
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    }
    heap_.emplace_back(id);
    std::push_heap(heap_.begin(), heap_.end());
  }
  void clear() noexcept { heap_.clear(); }
  void append_to(std::vector<file_name_id>& to) {
    std::sort_heap(heap_.begin(), heap_.end());
    to.insert(
      to.end(), std::make_move_iterator(heap_.begin()), std::make_move_iterator(heap_.end()));
  }

private:
  const std::size_t most_; ///< Not zero.
  std::vector<file_name_id> heap_;
};

// Releases the mutex again and again: messages to the shard's files need it.
bool file_registry::look_at(const shard& s, std::string_view file, least_ids& to) {
  constexpr std::size_t buckets_at_once = 128;
  std::size_t size = 0;
  std::size_t next = 0;
  do {
    const std::lock_guard lock(s.mutex);
    if (next == 0)
      size = s.files.bucket_count();
    else if (size != s.files.bucket_count())
      return false;
    const auto end = std::min(size, next + buckets_at_once);
    for (; next != end; ++next)
      for (auto f = s.files.begin(next); f != s.files.end(next); ++f)
        if ((*f)->file_id() > file)
          to.offer((*f)->file_id());
  } while (next != size);
  return true;
}

// By shard, then by id: so one call looks at one shard or few, not at all files.
std::vector<file_name_id> file_registry::ids_after(std::string_view file, std::size_t most) const {
  std::vector<file_name_id> result;
  const auto first = file.empty() ? std::size_t{0} : hashed_id(file).shard();
  for (auto i = first; i < shard_count && result.size() < most; ++i) {
    least_ids least(most - result.size());
    while (!look_at(shards_[i], i == first ? file : std::string_view(), least))
      least.clear();
    least.append_to(result);
  }
  return result;
}

std::vector<file_name_id> file_registry::ids_after(
  std::string_view file, std::size_t most, const std::vector<file_ref>& files) {
  std::vector<file_name_id> result;
  std::array<std::vector<std::string_view>, shard_count> shards;
  for (const auto& f : files)
    shards[hashed_id::shard_of(f->id_hash())].emplace_back(f->file_id());
  const auto first = file.empty() ? std::size_t{0} : hashed_id(file).shard();
  std::erase_if(shards[first], [file](std::string_view id) { return id <= file; });
  for (auto i = first; i < shard_count && result.size() < most; ++i)
    append_least(result, most, shards[i]);
  return result;
}

std::size_t file_registry::size() const {
  std::size_t sum = 0;
  for (const auto& s : shards_) {
    const std::lock_guard lock(s.mutex);
    sum += s.files.size();
  }
  return sum;
}

void file_registry::stop_all() noexcept {
  for (auto& s : shards_) {
    {
      const std::lock_guard lock(s.mutex);
      s.stopped = true;
    }
    for (const auto& file : s.files)
      file->stop();
  }
}

void file_registry::forget_stopped() noexcept {
  for (auto& s : shards_) {
    s.unused.clear();
    s.files.clear();
  }
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
