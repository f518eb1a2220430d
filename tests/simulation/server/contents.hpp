// Which numbers clients have written to which file, and which of them may be read. Each number is
// written once.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <vector>

namespace leasebreak::smb::simulation {

/// A counter of events. It orders two operations if one ended before the other began.
using moment = std::uint64_t;

inline constexpr moment never = std::numeric_limits<moment>::max();

/// The number of the named stream of a file, which has contents of its own. Each file has at most
/// one such stream here.
inline constexpr std::uint64_t stream_bit = std::uint64_t{1} << 63U;

/// The content of a file that was never written.
inline constexpr std::uint64_t no_content = 0;

/// The writes of all files, by the files' numbers on the disk.
class contents {
public:
  /// A write is requested, or with `no_content` a truncation. It may take effect at any time until
  /// `end` is called.
  void begin(std::uint64_t file, std::uint64_t value, moment now) {
    known(file).push_back({value, now, never});
  }

  /// The response arrived: the write is done, or will never be.
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

  /// Adds a write that was requested when the file was not known yet. `never` as `ended` means that
  /// it is unknown whether it is done.
  void add(std::uint64_t file, std::uint64_t value, moment began, moment ended) {
    known(file).push_back({value, began, ended});
  }

  /// The same for a file that is never known: the value may be in any file.
  void float_value(std::uint64_t value) { floating_.insert(value); }
  void settle_value(std::uint64_t value) {
    if (const auto one = floating_.find(value); one != floating_.end())
      floating_.erase(one);
  }

  /// Returns whether a read in this time may return this value.
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

  /// Returns whether a later write ended before `now`.
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
