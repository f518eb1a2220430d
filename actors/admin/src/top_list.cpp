// See top_list.hpp.
#include "top_list.hpp"

#include <algorithm>
#include <chrono>
#include <map>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

std::int64_t top_list::minute_of(time_point t) noexcept {
  return std::max<std::int64_t>(
    0, std::chrono::duration_cast<std::chrono::minutes>(t.time_since_epoch()).count());
}

void top_list::add(time_point now, std::string_view key, std::string_view name, std::uint64_t us) {
  const auto minute = minute_of(now);
  auto& s = slots_[static_cast<std::size_t>(minute) % minutes];
  if (s.minute > minute)
    return;
  if (s.minute < minute) {
    s.minute = minute;
    s.keys.clear();
  }
  auto found =
    std::find_if(s.keys.begin(), s.keys.end(), [key](const entry& e) { return e.key == key; });
  if (found == s.keys.end() && s.keys.size() < keys_per_minute) {
    found = s.keys.insert(found, entry{});
  } else if (found == s.keys.end()) {
    found = std::min_element(
      s.keys.begin(), s.keys.end(), [](const entry& a, const entry& b) { return a.us < b.us; });
    found->error_us = found->us;
    found->count = 0;
  }
  found->key = key;
  found->name = name.substr(0, name_bytes_max);
  found->us += us;
  ++found->count;
}

std::vector<top_list::entry> top_list::top(time_point now, std::size_t most) const {
  const auto minute = minute_of(now);
  std::map<std::string_view, entry> sums;
  std::map<std::string_view, std::int64_t> newest;
  for (const auto& s : slots_) {
    if (s.minute < 0 || s.minute > minute ||
      s.minute <= minute - static_cast<std::int64_t>(minutes))
      continue;
    for (const auto& e : s.keys) {
      auto& sum = sums[e.key];
      auto& last = newest.emplace(e.key, -1).first->second;
      if (s.minute > last) {
        last = s.minute;
        sum.name = e.name;
      }
      sum.key = e.key;
      sum.us += e.us;
      sum.error_us += e.error_us;
      sum.count += e.count;
    }
  }
  std::vector<entry> result;
  for (auto& [key, e] : sums)
    result.push_back(std::move(e));
  std::stable_sort(
    result.begin(), result.end(), [](const entry& a, const entry& b) { return a.us > b.us; });
  if (result.size() > most)
    result.resize(most);
  return result;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin
