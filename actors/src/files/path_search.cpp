#include "path_search.hpp"

#include "path_index.hpp"

#include <exception>
#include <iterator>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

std::shared_ptr<path_search> path_search::begin(
  path_index& index, const list_request& what, std::string_view after, std::size_t most) {
  const std::shared_ptr<path_search> search(new path_search(what, after, most));
  index.begin_search(search);
  return search;
}

path_search::path_search(const list_request& what, std::string_view after, std::size_t most)
  : what_(what), after_{file_registry::shard_of(after), file_name_id(after)}, most_(most) {}

bool path_search::go_on(path_index& index, std::size_t size) {
  for (std::size_t seen = 0; seen < size && part_ != path_index::parts && !stopped_early_.load();
       ++part_)
    seen += index.search(part_, *this);
  if (part_ != path_index::parts && !stopped_early_.load())
    return true;
  index.end_search(*this);
  return false;
}

std::vector<file_name_id> path_search::take() {
  std::vector<file_name_id> ids;
  ids.reserve(found_.size());
  while (!found_.empty())
    ids.push_back(std::move(found_.extract(found_.begin()).value().file));
  return ids;
}

bool path_search::look_at(std::string_view path, std::string_view file) {
  if (++opens_ > opens_max)
    stopped_early_.store(true);
  else if (what_.has_path(path))
    add(file);
  return !stopped_early_.load();
}

void path_search::moved(std::string_view path, std::string_view file) noexcept {
  try {
    if (what_.has_path(path))
      add(file);
  } catch (const std::exception&) {
    stopped_early_.store(true); // for lack of memory
  }
}

void path_search::add(std::string_view file) {
  const position_view at{file_registry::shard_of(file), file};
  const bool follows = after_.file.empty() || earlier{}(after_, at);
  if (!follows || (found_.size() == most_ && !earlier{}(at, *found_.rbegin())))
    return;
  if (found_.find(at) != found_.end())
    return;
  found_.insert({at.shard, file_name_id(file)});
  if (found_.size() > most_)
    found_.erase(std::prev(found_.end()));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
