#include "file/channel_list.hpp"

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

void channel_list::join(const channel_id& c) {
  const auto i = find(c);
  if (i == 0 && first_.opens != 0) {
    ++first_.opens;
    return;
  }
  auto used = i < size() ? take(i) : entry{c, 0};
  ++used.opens;
  insert(0, used);
}

void channel_list::leave(const channel_id& c) {
  const auto i = find(c);
  if (i < size() && --at(i).opens == 0)
    take(i);
}

void channel_list::move(const channel_id& from, const channel_id& to) {
  const auto old = find(from);
  if (old == size())
    return;
  if (const auto i = find(to); i < size())
    ++at(i).opens;
  else
    insert(old, {to, 1});
  leave(from);
}

std::vector<channel_id> channel_list::all() const {
  std::vector<channel_id> result;
  result.reserve(size());
  for (std::size_t i = 0; i < size(); ++i)
    result.push_back(at(i).channel);
  return result;
}

channel_list channel_list::of(const std::vector<entry>& entries) {
  channel_list list;
  auto& [first, more] = list;
  if (entries.empty())
    return list;
  first = entries.front();
  if (entries.size() > 1)
    more = std::make_unique<std::vector<entry>>(entries.begin() + 1, entries.end());
  return list;
}

std::size_t channel_list::opens() const noexcept {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < size(); ++i)
    sum += at(i).opens;
  return sum;
}

std::size_t channel_list::size() const noexcept {
  return first_.opens == 0 ? 0 : 1 + (more_ ? more_->size() : 0);
}

std::size_t channel_list::find(const channel_id& c) const noexcept {
  std::size_t i = 0;
  while (i < size() && at(i).channel != c)
    ++i;
  return i;
}

void channel_list::insert(std::size_t i, const entry& e) {
  if (first_.opens == 0) {
    first_ = e;
    return;
  }
  if (!more_)
    more_ = std::make_unique<std::vector<entry>>();
  const auto moved = i == 0 ? std::exchange(first_, e) : e;
  more_->insert(more_->begin() + static_cast<std::ptrdiff_t>(i == 0 ? 0 : i - 1), moved);
}

channel_list::entry channel_list::take(std::size_t i) {
  auto taken = at(i);
  if (!more_) {
    first_ = {};
    return taken;
  }
  if (i == 0)
    first_ = more_->front();
  more_->erase(more_->begin() + static_cast<std::ptrdiff_t>(i == 0 ? 0 : i - 1));
  if (more_->empty())
    more_.reset();
  return taken;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
