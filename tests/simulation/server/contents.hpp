// What was written to which file, and what may be read of it: the numbers that clients write, each
// of which is written once.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <vector>

namespace leasebreak::smb::simulation {

/// Counts what happens, so that of two things it can be said which was over before the other began.
using moment = std::uint64_t;

inline constexpr moment never = std::numeric_limits<moment>::max();

/// What a file has that nothing was written to.
inline constexpr std::uint64_t no_content = 0;

/// Of all files, by their numbers on the disk.
class contents {
public:
  /// A write, or with `no_content` a truncation, is asked for. Until `ended` it may be done at any
  /// time.
  void begin(std::uint64_t file, std::uint64_t value, moment now) {
    known(file).push_back({value, now, never});
  }

  /// It was answered: it is done, or will never be.
  void end(std::uint64_t file, std::uint64_t value, bool is_done, moment now) {
    auto& all = known(file);
    for (auto it = all.begin(); it != all.end(); ++it)
      if (it->value == value && it->ended == never) {
        if (is_done)
          it->ended = now;
        else
          all.erase(it);
        return;
      }
  }

  /// It was asked for when the file was not known yet. With `never` nobody knows whether it is
  /// done.
  void add(std::uint64_t file, std::uint64_t value, moment began, moment ended) {
    known(file).push_back({value, began, ended});
  }

  /// The same of a file that is never known: it may be in any of them.
  void float_value(std::uint64_t value) { floating_.insert(value); }
  void settle_value(std::uint64_t value) {
    if (const auto one = floating_.find(value); one != floating_.end())
      floating_.erase(one);
  }

  /// Whether a read that took this time may return this.
  [[nodiscard]] bool may_read(
    std::uint64_t file, std::uint64_t value, moment began, moment ended) const {
    if (floating_.contains(value))
      return true;
    const auto found = files_.find(file);
    if (found == files_.end())
      return value == no_content;
    for (const auto& w : found->second)
      if (w.value == value && w.began <= ended && !is_covered(found->second, w, began))
        return true;
    return false;
  }

private:
  struct write {
    std::uint64_t value;
    moment began;
    moment ended;
  };
  using writes = std::vector<write>;

  writes& known(std::uint64_t file) {
    auto& all = files_[file];
    if (all.empty())
      all.push_back({no_content, 0, 0});
    return all;
  }

  /// Another one came after it, and was over before that moment.
  static bool is_covered(const writes& all, const write& w, moment now) {
    for (const auto& other : all)
      if (other.began > w.ended && other.ended < now)
        return true;
    return false;
  }

  std::map<std::uint64_t, writes> files_;
  std::multiset<std::uint64_t> floating_;
};

} // namespace leasebreak::smb::simulation
